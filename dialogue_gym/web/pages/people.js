// The people page: the visitors' open conversations, one of them to follow, and the bot's next step in it once a
// teacher has taken it over. The server alone decides what a click does.

import { Chat, Knowledge, Options, isTyping, keep, kept } from "dialogue-gym-web";

const FILTERS = { all: "All", waiting: "Waiting", mine: "Mine", bot: "Bot" };

// Two short tones, without a file to load.
function ring() {
  const context = new AudioContext();
  [660, 880].forEach((frequency, place) => {
    const tone = new OscillatorNode(context, { frequency });
    const volume = new GainNode(context, { gain: 0.1 });
    tone.connect(volume).connect(context.destination);
    tone.start(context.currentTime + 0.18 * place);
    tone.stop(context.currentTime + 0.18 * place + 0.15);
    if (place) tone.onended = () => context.close();
  });
}

export default {
  components: { Chat, Knowledge, Options },
  props: { shown: Object },
  emits: ["read", "take_over", "give_back", "decide", "say"],
  data() {
    return { error: "", sent: null, count: 0, drafts: {}, filter: "all", search: "", rings: kept("rings") === true, filters: FILTERS };
  },
  computed: {
    talk() {
      return this.shown.open?.talk;
    },
    isMine() {
      return this.talk?.teacher === this.shown.teacher;
    },
    isBlocked() {
      return this.sent !== null && !this.sent.isLate;
    },
    // What is being written in the selected conversation: nobody gets the words for another visitor.
    words: {
      get() {
        return this.drafts[this.shown.open?.id] ?? "";
      },
      set(text) {
        this.drafts[this.shown.open.id] = text;
      },
    },
    options() {
      return this.shown.open.options.map((option, index) => ({ ...option, number: index + 1, share: option.worth }));
    },
    waiting() {
      return this.shown.talks.filter((talk) => talk.waits && talk.teacher === this.shown.teacher).length;
    },
    listed() {
      const words = this.search.toLowerCase().split(/\s+/);
      const wanted = {
        all: () => true,
        waiting: (talk) => talk.waits,
        mine: (talk) => talk.teacher === this.shown.teacher,
        bot: (talk) => !talk.teacher,
      }[this.filter];
      const found = (talk) => words.every((word) => `${talk.id} ${talk.person} ${talk.words}`.toLowerCase().includes(word));
      return this.shown.talks.filter((talk) => wanted(talk) && found(talk));
    },
  },
  watch: {
    shown(shown, before) {
      if (shown.error) this.error = shown.error;
      if (this.sent && shown.answer.id === this.sent.id) this.take(shown.answer);
      const [now, then] = [shown, before].map(({ open }) => open && `${open.id} ${open.chat.length} ${open.step} ${open.talk?.teacher}`);
      if (now !== then) this.$nextTick(() => this.$refs.chat?.showEnd());
    },
  },
  mounted() {
    this.title = document.title;
    this.$watch("waiting", (now, before = 0) => {
      document.title = now ? `(${now}) ${this.title}` : this.title;
      if (this.rings && now > before) ring();
    }, { immediate: true });
    document.addEventListener("keydown", this.onKey);
  },
  unmounted() {
    document.removeEventListener("keydown", this.onKey);
  },
  methods: {
    ask(what, given = {}) {
      if (this.isBlocked) return;
      const [id, conversation] = [++this.count, this.shown.open.id];
      this.error = "";
      this.sent = { id, conversation, text: given.text, isLate: false };
      setTimeout(() => this.sent?.id === id && (this.sent.isLate = true), 5000);
      this.$emit(what, { id, conversation, ...given });
    },
    // Words stay until they were said, and those that were typed since stay as well.
    take({ is_done }) {
      const { conversation, text } = this.sent;
      if (is_done && this.drafts[conversation] === text) delete this.drafts[conversation];
      this.sent = null;
    },
    read(id) {
      this.error = "";
      this.$emit("read", id);
    },
    decide(option) {
      this.ask("decide", { action: option.action, step: this.shown.open.step });
    },
    say() {
      if (this.words.trim()) this.ask("say", { text: this.words, step: this.shown.open.step });
    },
    toggleRinging() {
      this.rings = !this.rings;
      keep("rings", this.rings);
      if (this.rings) ring();
    },
    ago(seconds) {
      if (seconds < 60) return "now";
      return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
    },
    state(talk) {
      if (talk.waits) return `waiting ${talk.quiet < 60 ? `${talk.quiet} s` : this.ago(talk.quiet)}`;
      if (talk.teacher) return talk.teacher === this.shown.teacher ? "yours" : talk.teacher;
      return "";
    },
    onKey(event) {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.target.closest("button, a") && event.key === "Enter") return; // the focused button is pressed
      const number = event.key === "Enter" ? 1 : event.key === "0" ? 10 : /^[1-9]$/.test(event.key) ? Number(event.key) : null;
      const button = number !== null && this.$refs.decision?.querySelector(`[data-number="${number}"]`);
      if (!button) return;
      event.preventDefault();
      button.click();
    },
  },
  template: `
<div>
<div id="main" class="columns people">
  <section class="list" aria-labelledby="list-title">
    <h1 id="list-title">People <small aria-live="polite">{{ shown.count }} active{{ waiting ? ', ' + waiting + ' waiting for you' : '' }}</small></h1>
    <div class="row filters" role="group" aria-label="Show">
      <button v-for="(name, key) in filters" :key="key" :aria-pressed="filter === key" :class="{ 'is-on': filter === key }" @click="filter = key">{{ name }}</button>
      <button :aria-pressed="rings" :class="{ 'is-on': rings }" @click="toggleRinging" title="A sound when somebody waits for you">Sound</button>
    </div>
    <input v-model="search" type="search" class="search" placeholder="Search last messages" aria-label="Search" dir="auto">
    <p v-if="!shown.talks.length" class="empty">No visitors at the moment. Each one appears here.</p>
    <p v-else-if="!listed.length" class="empty">No matches.</p>
    <div v-if="shown.versions.length" class="versions is-faint">
      <p v-for="line in shown.versions" :key="line">{{ line }}</p>
    </div>
    <ul class="rows">
      <li v-for="talk in listed" :key="talk.id">
        <button class="conversation" :aria-current="shown.open && shown.open.id === talk.id" @click="read(talk.id)">
          <span class="first"><strong><bdi>{{ talk.id }}</bdi></strong> <bdi class="is-faint">{{ talk.person }}</bdi>
            <span v-if="state(talk)" class="badge" :class="{ 'is-bad': talk.waits }"><bdi>{{ state(talk) }}</bdi></span></span>
          <span class="begins"><small>{{ talk.is_from_person ? 'Visitor:' : 'Bot:' }}</small> <bdi dir="auto">{{ talk.words }}</bdi></span>
          <small v-if="!talk.waits">{{ ago(talk.quiet) }}</small>
        </button>
      </li>
    </ul>
  </section>

  <section class="reader" aria-label="Conversation">
    <template v-if="shown.open">
      <div class="tools" role="toolbar" aria-label="Conversation">
        <h1><bdi>{{ shown.open.id }}</bdi> <small>{{ !talk ? 'ended' : talk.teacher && !isMine ? 'taken over by ' + talk.teacher : isMine ? 'taken over by you' : 'answered by the bot' }}</small></h1>
        <button v-if="isMine" @click="ask('give_back')" :disabled="isBlocked">Hand back to the bot</button>
        <button v-else-if="talk" class="primary" @click="ask('take_over')" :disabled="isBlocked">Take over<template v-if="talk.teacher"> from <bdi>{{ talk.teacher }}</bdi></template></button>
      </div>
      <Chat ref="chat" :chat="shown.open.chat" shows-teachers />
      <section v-if="talk" ref="decision" class="decision" aria-label="Your answer">
        <p v-show="error || talk.problem" class="note is-bad" role="status" dir="auto">{{ error || talk.problem }}</p>
        <div v-if="shown.open.step !== null" class="card">
          <h2>Choose the bot's next step. Its favourite is first; the numbers are its estimates.</h2>
          <form class="row own-words" @submit.prevent="say">
            <input v-model="words" maxlength="1000" autocomplete="off" dir="auto" placeholder="Or answer in your own words" aria-label="Your own words">
            <button :disabled="isBlocked || !words.trim()">Send</button>
          </form>
          <Options :options="options" :disabled="isBlocked" has-keys @pick="decide" />
        </div>
        <p v-else-if="talk.is_busy" class="is-faint">The bot is working on something that takes a while.</p>
        <p v-else-if="isMine" class="is-faint">Waiting for the visitor.</p>
      </section>
      <p v-else v-show="error" class="note is-bad" role="status" dir="auto">{{ error }}</p>
    </template>
    <p v-else class="empty">Select a conversation to follow it. Take over if the bot needs help.</p>
  </section>

  <section class="files" aria-label="What the bot knows">
    <section v-if="shown.raters.length || shown.burst" class="raters" aria-label="Raters">
      <h2>Ratings to look at</h2>
      <p v-if="shown.burst">{{ shown.burst === 1 ? 'One rating' : shown.burst + ' ratings' }} came too fast from one source. The bot learns nothing from {{ shown.burst === 1 ? 'it' : 'them' }} until you decide, under <a href="./conversations">Conversations</a>.</p>
      <ul v-if="shown.raters.length" class="differing">
        <li v-for="one in shown.raters" :key="one.name + one.is_teacher">
          <p><strong><bdi>{{ one.name }}</bdi></strong> mostly says the opposite of the others: {{ one.contradicted }} of {{ one.checked }} ratings contradict other people, or the outcome of the conversation.
          <template v-if="one.weight !== null">{{ one.weight ? 'The bot counts them at ' + one.weight + '%.' : 'The bot no longer counts them.' }}</template></p>
        </li>
      </ul>
    </section>
    <Knowledge v-if="talk" :slots="shown.open.slots" :search="shown.open.search" />
  </section>
</div>
</div>`,
};
