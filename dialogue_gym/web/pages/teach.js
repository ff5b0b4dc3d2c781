// The teaching page. It shows a view (see view.py) and sends commands, each with the step that it answers; the
// server alone decides what a command does.

import {
  Chat,
  Guide,
  Help,
  Knowledge,
  Lesson,
  MessageEditor,
  Name,
  Options,
  Settings,
  connection,
  isTyping,
  keep,
  kept,
  percent,
  prefer,
  preferred,
  shortcutKey,
} from "dialogue-gym-web";

// A proposal that another teacher's lesson has changed takes no answer for so many milliseconds.
const LOOK_AGAIN = 500;
// Within so many milliseconds after a letter, another key belongs to the same sentence.
const SENTENCE = 1000;
// Keys that act without Alt: none, all but letters, or all. A speech recognizer, say, types letters.
const ALONE = ["none", "numbers", "all"];

export default {
  components: { Chat, Guide, Help, Knowledge, Lesson, MessageEditor, Name, Options, Settings },
  mixins: [connection],
  props: { view: Object, names: Object, keys: Array, guide: Array },
  emits: ["command", "stop", "refresh"],
  data() {
    const naming = kept("naming");
    const isHere = naming?.filter && naming.conversation === this.view.conversation && naming.head === this.view.head;
    return {
      hasStarted: Boolean(isHere),
      filter: isHere ? naming.filter : "",
      message: kept("message") || "",
      newText: isHere ? naming.newText : "",
      isNaming: Boolean(isHere && naming.isNaming),
      isEditing: false,
      correction: null, // that asks about new names
      isHeld: false,
      asking: "",
      alone: ALONE.includes(preferred("keys")) ? preferred("keys") : "numbers",
    };
  },
  computed: {
    asks() {
      return this.view.asks;
    },
    isBlocked() {
      return this.isOffline || this.isHeld || this.sent !== null;
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
    // The answers about new names. The first one takes Enter: never to add what looks like a slip.
    unknownAnswers() {
      const { names, meant } = this.view.unknown;
      const isNear = names.some(([, , hint]) => hint.startsWith("did you mean"));
      const answers = [
        { command: "add_unknown", text: "Add", isFirst: !isNear },
        { command: "dismiss_unknown", text: "Cancel", isFirst: isNear && !meant.length },
      ];
      return meant.length ? [{ command: "use_meant", text: `Use ${meant.join(", ")}`, isFirst: true }, ...answers] : answers;
    },
    // What is being typed of a new action, and where.
    naming() {
      const { conversation, head } = this.view;
      return { conversation, head, filter: this.filter, newText: this.newText, isNaming: this.isNaming };
    },
    newName() {
      const name = this.filter.trim();
      return name && !this.view.options.some((one) => one.action === name) ? name : "";
    },
  },
  watch: {
    view(view, before) {
      const last = this.settle();
      if (view.changes !== before.changes) this.hold();
      if (view.step !== before.step) this.asking = "";
      if (view.notice) this.notify(view.notice);
      if (last && view.step !== last.step) {
        this.filter = "";
        this.isNaming = false;
        this.newText = "";
        this.takeBack(last.command);
      }
      if (!view.correctable || last?.command === "correct_message") this.isEditing = false;
      // A bot that goes on by itself takes the focused button away once it listens.
      this.$nextTick(() => this.afterUpdate(last !== null || (before.is_running && document.activeElement === document.body)));
    },
    message(text) {
      keep("message", text);
    },
    naming(naming) {
      keep("naming", naming);
    },
    alone(keys) {
      prefer("keys", keys);
    },
  },
  mounted() {
    document.addEventListener("keydown", this.onAnyKey, true);
    document.addEventListener("keydown", this.onKey);
    this.$nextTick(() => {
      this.afterUpdate(true);
      if (!this.isEmpty) this.$refs.guide.offer();
    });
  },
  unmounted() {
    document.removeEventListener("keydown", this.onAnyKey, true);
    document.removeEventListener("keydown", this.onKey);
    clearTimeout(this.holding);
  },
  methods: {
    percent,
    shared(probability) {
      return this.view.is_wizard ? {} : { bar: probability, share: percent(probability) };
    },
    barWidth(probability) {
      return { width: `${Math.max(1, 100 * probability)}%` };
    },
    hold() {
      this.isHeld = true;
      clearTimeout(this.holding);
      this.holding = setTimeout(() => (this.isHeld = false), LOOK_AGAIN);
    },
    // Ask before a command that leaves the conversation, or lets the bot act by itself.
    ask(command) {
      if (this.isBlocked || (command === "run" && this.asks !== "proposal")) return;
      this.asking = command;
      this.$nextTick(() => this.focusNext());
    },
    answerAsked(isYes) {
      const command = this.asking;
      this.asking = "";
      if (isYes) this.send(command);
      this.$nextTick(() => this.focusNext());
    },
    // The guide is for those who take the mouse; a person who uses the keys at once goes ahead.
    start(byPointer) {
      this.hasStarted = true;
      this.$nextTick(() => {
        this.focusNext();
        if (byPointer) this.$refs.guide.offer();
      });
    },
    leftGuide(hadFocus) {
      if (hadFocus) this.$nextTick(() => this.focusNext());
    },
    pick(option) {
      if (option.number === 1 && !this.view.is_wizard) this.send("confirm");
      else this.send("correct", { action: option.action });
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
      this.send("correct_with_new", { action: this.newName, text: this.newText });
    },
    say() {
      if (this.message.trim()) this.send("say", { text: this.message });
    },
    correct(meaning) {
      this.correction = meaning;
      this.send("correct_message", meaning);
    },
    // What was typed is kept until it is taken: new names may be a slip, to be mended.
    takeBack(command) {
      if (this.view.unknown) return;
      const isRefused = this.view.notice || this.view.notes.some(([, style]) => style === "bad");
      if (command === "dismiss_unknown" && this.correction) this.isEditing = this.view.correctable !== null;
      else this.correction = null;
      if (["say", "use_meant", "add_unknown"].includes(command) && !isRefused) this.message = "";
    },
    fork(bubble) {
      this.send("fork", { entry: bubble.fork });
    },
    endEditing() {
      this.isEditing = false;
      this.correction = null;
      this.$nextTick(() => this.focusNext());
    },
    // Focus, keys and scrolling.
    afterUpdate(hasAnswered) {
      this.$refs.chat?.showEnd();
      if (!hasAnswered) return;
      if (this.$refs.decision) this.$refs.decision.scrollTop = 0;
      if (!this.isEditing) this.focusNext();
    },
    focusNext() {
      if (this.$refs.help?.isOpen()) return;
      const { start, first, message, decision } = this.$refs;
      const target = [start, first, message, decision].flat().find(Boolean); // one in a loop is a list
      target?.focus({ preventScroll: window.innerWidth > 700 });
    },
    help() {
      this.$refs.help.toggle();
    },
    stop() {
      this.$emit("stop");
    },
    forkFocused() {
      const bubble = this.$refs.chat.focused();
      if (bubble?.fork) this.fork(bubble);
      else this.$refs.chat.move(0);
    },
    // A held key counts once, also where it would press a button or send a form again; and a sentence typed
    // outside of a field is not a row of commands: after a letter, its spaces and digits do nothing.
    onAnyKey(event) {
      const isHeld = event.repeat && (event.key === "Enter" || (event.key === " " && !isTyping(event.target)));
      if (!isHeld && !this.isInSentence(event)) return;
      event.preventDefault();
      event.stopPropagation();
    },
    isInSentence(event) {
      if (event.key === "Escape" || isTyping(event.target) || event.altKey || event.ctrlKey || event.metaKey) {
        this.lastLetter = -Infinity;
        return false;
      }
      if (event.key.length > 1 && event.key !== "Enter") return false;
      const isLetter = /^\p{L}$/u.test(event.key) && this.alone !== "all";
      const isPart = isLetter || event.timeStamp - (this.lastLetter ?? -Infinity) < SENTENCE;
      if (isPart) this.lastLetter = event.timeStamp;
      return isPart && !isLetter;
    },
    onKey(event) {
      if (event.repeat || event.ctrlKey || event.metaKey || event.isComposing) return;
      if (event.key === "Escape") {
        if (this.asking) this.answerAsked(false);
        else if (this.view.unknown) this.send("dismiss_unknown");
        else if (this.isEditing) this.endEditing();
        else if (this.view.is_running) this.stop();
        else if (isTyping(event.target)) event.target.blur();
        else if (this.asks === "contradiction") this.send("cancel");
        return;
      }
      if (isTyping(event.target) || this.$refs.help?.isOpen()) return;
      if (event.key === "Enter" || event.key === " ") {
        if (event.altKey) return;
        if (event.target.closest("button, a, summary")) return; // the focused button is pressed
        if (event.key === " ") return;
        event.preventDefault();
        if (this.isEmpty) this.start(false);
        else if (this.asking) this.answerAsked(true);
        else if (this.asks === "proposal" && !this.view.is_wizard && !this.view.unknown) this.send("confirm");
        return;
      }
      const key = shortcutKey(event);
      if (!this.acts(key, event.altKey)) return;
      const does = this.shortcuts()[key];
      if (does) {
        event.preventDefault();
        does();
      } else if (/^[0-9]$/.test(key)) {
        event.preventDefault();
        this.number(key === "0" ? 10 : Number(key));
      }
    },
    // WCAG 2.1.4: a shortcut of one character needs a modifier, or can be turned off.
    acts(key, hasAlt) {
      if (hasAlt || key.length > 1 || this.alone === "all") return true;
      return this.alone === "numbers" && !/\p{L}/u.test(key);
    },
    shortcuts() {
      return {
        u: () => this.view.can_undo && this.send("undo"),
        r: () => this.view.can_redo && this.send("redo"),
        n: () => this.ask("restart"),
        g: () => this.ask("run"),
        w: () => this.send("wizard", { on: !this.view.is_wizard }),
        m: () => (this.isEditing = this.view.correctable !== null),
        f: () => this.forkFocused(),
        t: () => this.$refs.message?.focus(),
        "/": () => this.$refs.filter?.focus(),
        "?": () => this.help(),
        ArrowUp: () => this.$refs.chat.move(-1),
        ArrowDown: () => this.$refs.chat.move(1),
      };
    },
    number(number) {
      const buttons = this.$refs.decision.querySelectorAll(`[data-number="${number}"]`);
      if (buttons.length && !this.isEmpty) buttons[0].click();
    },
  },
  template: `
<div class="guided">
<Guide ref="guide" :parts="guide" :step="view.step" @leave="leftGuide" />
<div id="main" class="teach" :class="{ 'is-offline': isOffline }" :data-step="view.step" :aria-busy="sent !== null">
  <div class="banner" role="status" aria-live="polite" :class="{ 'is-bad': isOffline }" v-show="banner">{{ banner }}</div>

  <section v-if="isEmpty" class="hero" aria-labelledby="hero-title">
    <h1 id="hero-title">Teach your bot. Approve its next step, or choose a better one.</h1>
    <button ref="start" class="primary large" @click="start($event.detail > 0)">Start teaching</button>
  </section>

  <template v-else>
  <section class="talk" :aria-label="'Conversation ' + view.conversation">
    <div class="tools" role="toolbar" aria-label="Conversation">
      <h1><bdi>{{ view.conversation }}</bdi> <small>{{ view.tally.answers }} answered, {{ view.tally.corrections }} corrected</small></h1>
      <button @click="send('undo')" :disabled="isBlocked || !view.can_undo" title="Undo (Alt+U)"><span aria-hidden="true">↶</span> Undo</button>
      <button @click="send('redo')" :disabled="isBlocked || !view.can_redo" title="Redo (Alt+R)"><span aria-hidden="true">↷</span> Redo</button>
      <button @click="ask('restart')" :disabled="isBlocked" title="New conversation (Alt+N)"><span aria-hidden="true">+</span> New</button>
      <button v-if="view.is_running" class="is-on" @click="stop" title="Stop (Esc)"><span aria-hidden="true">■</span> Stop</button>
      <button v-else @click="ask('run')" :disabled="isBlocked || asks !== 'proposal'" title="Continue until the bot is unsure (Alt+G)"><span aria-hidden="true">▶</span> Continue</button>
      <button @click="help" title="Help and shortcuts (?)" aria-label="Help and shortcuts"><span aria-hidden="true">?</span></button>
    </div>

    <Lesson :wish="view.wish" :lesson="view.lesson" :is-user="view.user === 'me'" :has-fake-user="view.has_fake_user" :has-visitors="view.has_visitors" :disabled="isBlocked" @talk="send('user', { user: 'me' })" />

    <Chat ref="chat" :chat="view.chat" :disabled="isBlocked" after-user="Fork" before-bot="Fork" @fork="fork">
      <template #about><button v-if="view.correctable && !isEditing" class="link" @click="isEditing = true" :disabled="isBlocked" title="Correct the meaning (Alt+M)">Wrong meaning?</button></template>
      <template #below><MessageEditor v-if="isEditing" :message="{ ...view.correctable, ...correction }" :names="names" :disabled="isBlocked" @save="correct" @cancel="endEditing" /></template>
    </Chat>

    <section ref="decision" class="decision" tabindex="-1" aria-label="Your answer" :aria-busy="sent !== null">
      <div aria-live="polite" class="notes">
        <p v-for="[text, style] in view.notes" class="note" :class="'is-' + style" dir="auto">{{ text }}</p>
        <p v-if="view.overruled" class="note is-bad" dir="auto">{{ view.overruled }}</p>
        <p v-if="view.note" class="note is-bad" dir="auto">The action failed. {{ view.note }}</p>
        <p v-if="view.change" class="note is-good change">
          <strong>Learned.</strong> The bot would have picked <code><Name :text="view.change.before.shown" /></code> ({{ percent(view.change.before.probability) }}).
          Next time it will pick <code><Name :text="view.change.right.join(' or ')" /></code> ({{ percent(view.change.after.probability) }}{{ view.change.right.length > 1 ? ' each' : '' }}).
        </p>
      </div>

      <div v-if="asking" class="card" role="alertdialog" aria-labelledby="asking">
        <h2 id="asking" v-if="asking === 'restart'">End <bdi>{{ view.conversation }}</bdi> here, and start a new conversation?</h2>
        <h2 id="asking" v-else>Let the bot act by itself while it is at least {{ percent(view.threshold) }} sure?</h2>
        <div class="row"><button ref="first" class="primary" data-number="1" @click="answerAsked(true)" :disabled="isBlocked"><kbd>1</kbd> {{ asking === 'restart' ? 'Start a new one' : 'Continue' }}</button>
        <button data-number="2" @click="answerAsked(false)"><kbd>2</kbd> Cancel</button></div>
      </div>

      <div v-else-if="view.unknown" class="card" role="group" aria-labelledby="unknown">
        <h2 id="unknown">{{ view.unknown.names.length > 1 ? 'Add these names?' : 'Add this name?' }}</h2>
        <ul><li v-for="[kind, name, hint] in view.unknown.names">There is no {{ kind }} called <bdi><strong>{{ name }}</strong></bdi> <small dir="auto">({{ hint }})</small></li></ul>
        <div class="row"><button v-for="(answer, index) in unknownAnswers" :ref="answer.isFirst ? 'first' : undefined" :class="{ primary: answer.isFirst }" :data-number="index + 1" @click="send(answer.command)" :disabled="isBlocked"><bdi>{{ answer.text }}</bdi> <kbd>{{ index + 1 }}</kbd></button></div>
      </div>

      <div v-else-if="asks === 'proposal'" class="card" v-show="!isEditing">
        <p v-if="view.is_closing" class="note is-good">The user has everything they wanted. Choose the bot's closing step.</p>
        <template v-if="!view.is_wizard">
          <p v-for="remark in view.remarks" class="note remark">{{ remark }}</p>
          <h2 id="proposal">The bot's next step. Is it right?</h2>
          <div class="proposal">
            <div id="what" class="what" aria-live="polite" aria-atomic="true">
              <strong v-if="best.says" dir="auto" class="says">{{ best.says }}</strong>
              <code><Name class="proposed" :text="best.shown" /><span v-if="best.runs_code"> runs code</span></code>
              <span class="sr">{{ percent(best.probability) }} sure, {{ best.evidence }}</span>
            </div>
            <div class="chance" aria-hidden="true"><span>{{ percent(best.probability) }} sure</span> <small class="evidence">{{ best.evidence }}</small><i class="bar"><i :style="barWidth(best.probability)"></i></i></div>
            <button ref="first" class="primary confirm" aria-describedby="what" @click="send('confirm')" :disabled="isBlocked">Approve <kbd>Enter</kbd></button>
          </div>
        </template>
        <h2 v-else>Choose the bot's next step.</h2>
        <div class="picking">
          <label class="filter"><span>{{ view.is_wizard ? 'Steps' : 'Or choose a better one' }}</span>
            <input ref="filter" v-model="filter" placeholder="Type to filter (/)" dir="auto" autocomplete="off" @keydown.enter.prevent="pickFound"></label>
          <Options :options="found" :disabled="isBlocked" :has-keys="!filter" @pick="pick" />
          <form v-if="newName" class="row new" @submit.prevent="addAction">
            <button v-if="!isNaming" type="button" @click="nameIt" :disabled="isBlocked">Create the action <bdi><code>{{ newName }}</code></bdi></button>
            <template v-else><label>Text (empty for none) <input ref="newText" v-model="newText" dir="auto" autocomplete="off"></label><button class="primary" :disabled="isBlocked">Add and use</button></template>
          </form>
        </div>
      </div>

      <form v-else-if="asks === 'message'" class="card say" @submit.prevent="say">
        <label for="message">You are the user. Type a message.</label>
        <div class="row"><input id="message" ref="message" v-model="message" dir="auto" autocomplete="off" maxlength="2000" placeholder="Message">
        <button class="primary" :disabled="isBlocked">Send <kbd>Enter</kbd></button></div>
      </form>

      <div v-else-if="asks === 'contradiction'" class="card" role="group" aria-labelledby="contradiction">
        <h2 id="contradiction">You chose <code><Name :text="view.before.join(' or ')" /></code> in this same situation before. Which is right?</h2>
        <div class="choices">
          <button ref="first" data-number="1" @click="send('resolve', { which: 'new' })" :disabled="isBlocked"><kbd>1</kbd> <code><Name :text="view.action" /></code> from now on</button>
          <button data-number="2" @click="send('resolve', { which: 'old' })" :disabled="isBlocked"><kbd>2</kbd> Still <code><Name :text="view.before.join(' or ')" /></code></button>
          <button data-number="3" @click="send('resolve', { which: 'both' })" :disabled="isBlocked"><kbd>3</kbd> Both are right</button>
          <button data-number="4" @click="send('cancel')" :disabled="isBlocked"><kbd>4</kbd> Cancel this answer</button>
        </div>
      </div>

      <div v-else class="card" role="group" aria-labelledby="result">
        <h2 id="result">It is unknown whether <code><Name :text="view.action" /></code> was run.</h2>
        <div class="row"><button ref="first" data-number="1" @click="send('run_action')" :disabled="isBlocked"><kbd>1</kbd> Run it now</button>
        <button data-number="2" @click="send('skip_action')" :disabled="isBlocked"><kbd>2</kbd> Skip it</button></div>
      </div>
    </section>
  </section>

  <aside class="side" aria-label="What the bot knows">
    <Knowledge :slots="view.slots" :search="view.search" />
    <Settings v-model:alone="alone" :view="view" :disabled="isBlocked" @send="send" />
  </aside>
  </template>

  <Help ref="help" :keys="keys" @guide="$refs.guide.open(true)" />
</div>
</div>`,
};
