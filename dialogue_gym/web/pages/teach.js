// What a teacher sees and does on one page. It shows a view (see view.py) and sends answers, each with the
// step that it answers; what an answer does is decided by the server alone.

import { Chat, Mend, Options, connection, isTyping, keep, kept, percent } from "dialogue-gym-web";

export default {
  components: { Chat, Mend, Options },
  mixins: [connection],
  props: { view: Object, names: Object, keys: Array },
  emits: ["answer", "stop", "refresh"],
  data() {
    return {
      hasStarted: false,
      filter: "",
      message: kept("message") || "",
      newText: "",
      isNaming: false,
      isMending: false,
    };
  },
  computed: {
    asks() {
      return this.view.asks;
    },
    isEmpty() {
      return this.view.is_new && !this.hasStarted;
    },
    best() {
      return this.view.options[0];
    },
    found() {
      const text = this.filter.trim().toLowerCase();
      return this.view.options
        .map((option, index) => ({ ...option, number: index + 1, ...this.shared(option.probability) }))
        .filter((one) => !text || `${one.shown} ${one.says}`.toLowerCase().includes(text));
    },
    newName() {
      const name = this.filter.trim();
      return name && !this.view.options.some((one) => one.action === name) ? name : "";
    },
  },
  watch: {
    view(view) {
      const last = this.settle();
      if (view.told) this.tell(view.told);
      if (last && view.step !== last.step) {
        this.filter = "";
        this.isNaming = false;
        this.newText = "";
        if (last.what === "say" && !view.told && !view.notes.some(([, style]) => style === "bad")) this.message = "";
      }
      if (!view.mend || last?.what === "mend") this.isMending = false;
      this.$nextTick(() => this.afterUpdate(last !== null));
    },
    message(text) {
      keep("message", text);
    },
  },
  mounted() {
    document.addEventListener("keydown", this.onKey);
    this.$nextTick(() => this.afterUpdate(true));
  },
  unmounted() {
    document.removeEventListener("keydown", this.onKey);
  },
  methods: {
    percent,
    shared(probability) {
      return this.view.is_wizard ? {} : { bar: probability, share: percent(probability) };
    },
    barWidth(probability) {
      return { width: `${Math.max(1, 100 * probability)}%` };
    },
    start() {
      this.hasStarted = true;
      this.$nextTick(() => this.focusNext());
    },
    pick(option) {
      if (option.number === 1 && !this.view.is_wizard) this.answer("confirm");
      else this.answer("correct", { action: option.action });
    },
    pickFound() {
      if (this.isNaming) return this.addAction();
      if (this.found.length) this.pick(this.found[0]);
      else if (this.newName) this.nameIt();
    },
    nameIt() {
      this.isNaming = true;
      this.$nextTick(() => this.$refs.newText?.focus());
    },
    addAction() {
      this.answer("correct_with_new", { action: this.newName, text: this.newText });
    },
    say() {
      if (this.message.trim()) this.answer("say", { text: this.message });
    },
    fork(bubble) {
      this.answer("fork", { entry: bubble.fork });
    },
    endMending() {
      this.isMending = false;
      this.$nextTick(() => this.focusNext());
    },
    // Focus, keys and scrolling.
    afterUpdate(hasAnswered) {
      this.$refs.chat?.showEnd();
      if (!hasAnswered) return;
      if (this.$refs.desk) this.$refs.desk.scrollTop = 0;
      if (!this.isMending) this.focusNext();
    },
    focusNext() {
      if (this.$refs.help?.open) return;
      const target = this.$refs.start || this.$refs.first || this.$refs.message || this.$refs.desk;
      (Array.isArray(target) ? target[0] : target)?.focus({ preventScroll: window.innerWidth > 700 });
    },
    help() {
      const sheet = this.$refs.help;
      if (sheet.open) sheet.close();
      else sheet.showModal();
    },
    stop() {
      this.$emit("stop");
    },
    forkFocused() {
      const bubble = this.$refs.chat.focused();
      if (bubble?.fork) this.fork(bubble);
      else this.$refs.chat.move(0);
    },
    onKey(event) {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.key === "Escape") {
        if (this.isMending) this.endMending();
        else if (this.view.is_running) this.stop();
        else if (isTyping(event.target)) event.target.blur();
        else if (this.asks === "contradiction") this.answer("reconsider");
        return;
      }
      if (isTyping(event.target) || this.$refs.help?.open) return;
      if (event.key === "Enter" || event.key === " ") {
        if (event.target.closest("button, a, summary")) return; // it is what is pressed
        if (event.key === " ") return;
        event.preventDefault();
        if (this.isEmpty) this.start();
        else if (this.asks === "proposal" && !this.view.is_wizard && !this.view.unknown) this.answer("confirm");
        return;
      }
      const does = this.shortcuts()[event.key];
      if (does) {
        event.preventDefault();
        does();
        return;
      }
      if (/^[0-9]$/.test(event.key)) {
        event.preventDefault();
        this.number(event.key === "0" ? 10 : Number(event.key));
      }
    },
    shortcuts() {
      return {
        u: () => this.view.can_undo && this.answer("undo"),
        r: () => this.view.can_redo && this.answer("redo"),
        n: () => this.answer("restart"),
        g: () => this.answer("run"),
        w: () => this.answer("wizard", { on: !this.view.is_wizard }),
        m: () => (this.isMending = this.view.mend !== null),
        f: () => this.forkFocused(),
        t: () => this.$refs.message?.focus(),
        "/": () => this.$refs.filter?.focus(),
        "?": () => this.help(),
        ArrowUp: () => this.$refs.chat.move(-1),
        ArrowDown: () => this.$refs.chat.move(1),
      };
    },
    number(number) {
      const buttons = this.$refs.desk.querySelectorAll(`[data-number="${number}"]`);
      if (buttons.length && !this.isEmpty) buttons[0].click();
    },
  },
  template: `
<div>
<div id="main" class="teach" :class="{ 'is-offline': isOffline }" :data-step="view.step" :aria-busy="sent !== null">
  <div class="banner" role="status" aria-live="polite" :class="{ 'is-bad': isOffline }" v-show="banner">{{ banner }}</div>

  <section v-if="isEmpty" class="hero" aria-labelledby="hero-title">
    <h1 id="hero-title">{{ view.user === 'me' ? 'Talk to the bot' : 'Watch the bot talk' }}: say yes when its next step is right, and pick the right one when it is not.</h1>
    <button ref="start" class="primary large" @click="start">Start teaching</button>
  </section>

  <template v-else>
  <section class="talk" :aria-label="'Conversation ' + view.conversation">
    <div class="tools" role="toolbar" aria-label="Conversation">
      <h1><bdi>{{ view.conversation }}</bdi> <small>{{ view.tally.answers }} answered, {{ view.tally.corrections }} corrected</small></h1>
      <button @click="answer('undo')" :disabled="cannotAnswer || !view.can_undo" title="Undo (u)"><span aria-hidden="true">↶</span> Undo</button>
      <button @click="answer('redo')" :disabled="cannotAnswer || !view.can_redo" title="Redo (r)"><span aria-hidden="true">↷</span> Redo</button>
      <button @click="answer('restart')" :disabled="cannotAnswer" title="Begin another conversation (n)"><span aria-hidden="true">+</span> New</button>
      <button v-if="view.is_running" class="is-on" @click="stop" title="Stop (Esc)"><span aria-hidden="true">■</span> Stop</button>
      <button v-else @click="answer('run')" :disabled="cannotAnswer || asks !== 'proposal'" title="Let the bot go on by itself until it is unsure (g)"><span aria-hidden="true">▶</span> Go on</button>
      <button @click="help" title="Help and shortcuts (?)" aria-label="Help and shortcuts"><span aria-hidden="true">?</span></button>
    </div>

    <Chat ref="chat" :chat="view.chat" :disabled="cannotAnswer" after-user="Fork" before-bot="Fork" @fork="fork">
      <template #about><button v-if="view.mend && !isMending" class="link" @click="isMending = true" :disabled="cannotAnswer" title="Say what this means (m)">Not what was meant?</button></template>
      <template #below><Mend v-if="isMending" :message="view.mend" :names="names" :disabled="cannotAnswer" @save="answer('mend', $event)" @leave="endMending" /></template>
    </Chat>

    <section ref="desk" class="desk" tabindex="-1" aria-label="Your answer" :aria-busy="sent !== null">
      <div aria-live="polite" class="notes">
        <p v-for="[text, style] in view.notes" class="note" :class="'is-' + style" dir="auto">{{ text }}</p>
        <p v-if="view.note" class="note is-bad" dir="auto">{{ view.note }}</p>
        <p v-if="view.change" class="note is-good change">
          <strong>Learned.</strong> Here the bot would have done <bdi><code>{{ view.change.before.shown }}</code></bdi> ({{ percent(view.change.before.probability) }});
          now it does <bdi><code>{{ view.change.right.join(' or ') }}</code></bdi> ({{ percent(view.change.after.probability) }}{{ view.change.right.length > 1 ? ' each' : '' }}).
        </p>
      </div>

      <div v-if="view.unknown" class="card" role="group" aria-labelledby="unknown">
        <h2 id="unknown">This is new to the bot</h2>
        <ul><li v-for="[kind, name, hint] in view.unknown.names"><bdi><strong>{{ name }}</strong></bdi> is no {{ kind }} yet <small dir="auto">({{ hint }})</small></li></ul>
        <div class="row"><button ref="first" class="primary" data-number="1" @click="answer('add_unknown')" :disabled="cannotAnswer">Add it <kbd>1</kbd></button>
        <button data-number="2" @click="answer('leave_unknown')" :disabled="cannotAnswer">Leave it <kbd>2</kbd></button></div>
      </div>

      <div v-else-if="asks === 'proposal'" class="card" v-show="!isMending">
        <p v-if="view.is_closing" class="note is-good">The user has what they wanted. This is what the bot does last.</p>
        <template v-if="!view.is_wizard">
          <h2 id="proposal">The bot wants to do this. Is it right?</h2>
          <div class="proposal">
            <div id="what" class="what" aria-live="polite" aria-atomic="true">
              <strong v-if="best.says" dir="auto" class="says">{{ best.says }}</strong>
              <code><bdi class="proposed">{{ best.shown }}</bdi></code>
              <span class="sr">{{ percent(best.probability) }} sure</span>
            </div>
            <div class="chance" aria-hidden="true"><span>{{ percent(best.probability) }} sure</span><i class="bar"><i :style="barWidth(best.probability)"></i></i></div>
            <button ref="first" class="primary confirm" aria-describedby="what" @click="answer('confirm')" :disabled="cannotAnswer">Yes, right <kbd>Enter</kbd></button>
          </div>
        </template>
        <h2 v-else>What does the bot do? You pick every step.</h2>
        <div class="picking">
          <label class="filter"><span>{{ view.is_wizard ? 'Pick' : 'Or pick what is right instead' }}</span>
            <input ref="filter" v-model="filter" placeholder="Type to filter (/)" dir="auto" autocomplete="off" @keydown.enter.prevent="pickFound"></label>
          <Options :options="found" :disabled="cannotAnswer" :has-keys="!filter" @pick="pick" />
          <form v-if="newName" class="row new" @submit.prevent="addAction">
            <button v-if="!isNaming" type="button" @click="nameIt" :disabled="cannotAnswer">Make a new action <bdi><code>{{ newName }}</code></bdi></button>
            <template v-else><label>What it says (nothing, if left empty) <input ref="newText" v-model="newText" dir="auto" autocomplete="off"></label><button class="primary" :disabled="cannotAnswer">Add and do it</button></template>
          </form>
        </div>
      </div>

      <form v-else-if="asks === 'message'" class="card say" @submit.prevent="say">
        <label for="message">You are the user. What do you say?</label>
        <div class="row"><input id="message" ref="message" v-model="message" dir="auto" autocomplete="off" maxlength="2000" placeholder="Type a message">
        <button class="primary" :disabled="cannotAnswer">Say it <kbd>Enter</kbd></button></div>
      </form>

      <div v-else-if="asks === 'contradiction'" class="card" role="group" aria-labelledby="contradiction">
        <h2 id="contradiction">Where the same was known, <bdi><code>{{ view.before.join(' or ') }}</code></bdi> was right before.</h2>
        <div class="choices">
          <button ref="first" data-number="1" @click="answer('settle', { which: 'new' })" :disabled="cannotAnswer"><kbd>1</kbd> From now on <bdi><code>{{ view.action }}</code></bdi> is right</button>
          <button data-number="2" @click="answer('settle', { which: 'old' })" :disabled="cannotAnswer"><kbd>2</kbd> <bdi><code>{{ view.before.join(' or ') }}</code></bdi> stays right</button>
          <button data-number="3" @click="answer('settle', { which: 'both' })" :disabled="cannotAnswer"><kbd>3</kbd> Both are right</button>
          <button data-number="4" @click="answer('reconsider')" :disabled="cannotAnswer"><kbd>4</kbd> Take the answer back</button>
        </div>
      </div>

      <div v-else class="card" role="group" aria-labelledby="result">
        <h2 id="result">Nothing says whether <bdi><code>{{ view.action }}</code></bdi> was done.</h2>
        <div class="row"><button ref="first" data-number="1" @click="answer('run_action')" :disabled="cannotAnswer"><kbd>1</kbd> Do it now</button>
        <button data-number="2" @click="answer('skip_action')" :disabled="cannotAnswer"><kbd>2</kbd> Go on without</button></div>
      </div>
    </section>
  </section>

  <aside class="side" aria-label="What the bot knows">
    <h2>The bot knows</h2>
    <dl class="slots"><div v-for="[name, value] in view.slots" :class="{ 'is-faint': value === 'empty' }"><dt><bdi>{{ name }}</bdi></dt><dd dir="auto">{{ value }}</dd></div></dl>
    <p v-if="!view.slots.length" class="is-faint">This bot has no slots.</p>
    <h2>How you teach</h2>
    <label class="setting">The user is
      <select :value="view.user" @change="answer('user', { user: $event.target.value })" :disabled="cannotAnswer">
        <option value="fake" :disabled="!view.has_fake_user">simulated</option><option value="me">me, typing</option>
      </select></label>
    <label class="setting">You pick every step (w)<input type="checkbox" :checked="view.is_wizard" @change="answer('wizard', { on: $event.target.checked })" :disabled="cannotAnswer"></label>
    <label class="setting">Goes on alone when sure by
      <select :value="String(view.threshold)" @change="answer('threshold', { threshold: Number($event.target.value) })" :disabled="cannotAnswer">
        <option v-for="value in [0.5, 0.7, 0.8, 0.9, 0.95, 0.99]" :value="String(value)">{{ percent(value) }}</option>
      </select></label>
  </aside>
  </template>

  <dialog ref="help" class="help" aria-labelledby="help-title">
    <h2 id="help-title">How it works</h2>
    <p>The bot shows its next step. Say yes, or pick what is right instead: it learns from each answer at once, and does the same wherever it knows the same. All is kept as you go.</p>
    <table><caption class="sr">Shortcuts</caption><tbody><tr v-for="[key, what] in keys"><th scope="row"><kbd>{{ key }}</kbd></th><td>{{ what }}</td></tr></tbody></table>
    <p class="is-faint">Shortcuts rest while you type.</p>
    <button class="primary" @click="help">Close</button>
  </dialog>
</div>
</div>`,
};
