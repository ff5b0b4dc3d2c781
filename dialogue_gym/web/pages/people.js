// The people page: the visitors' open conversations, one of them to follow, and the bot's next step in it once a
// teacher has taken it over. The server alone decides what a click does.

import { Chat, Options, isTyping } from "dialogue-gym-web";

export default {
  components: { Chat, Options },
  props: { shown: Object },
  emits: ["read", "take_over", "give_back", "decide"],
  data() {
    return { error: "", sent: null };
  },
  computed: {
    talk() {
      return this.shown.open?.talk;
    },
    isMine() {
      return this.talk?.teacher === this.shown.teacher;
    },
    options() {
      return this.shown.open.options.map((option, index) => ({ ...option, number: index + 1, share: option.worth }));
    },
    waiting() {
      return this.shown.talks.filter((talk) => talk.waits).length;
    },
  },
  watch: {
    shown(shown, before) {
      if (shown.error) this.error = shown.error;
      const [now, then] = [shown, before].map(({ open }) => open && `${open.id} ${open.chat.length} ${open.step} ${open.talk?.teacher}`);
      if (now !== then || shown.error) this.sent = null;
      if (now !== then) this.$nextTick(() => this.$refs.chat?.showEnd());
    },
  },
  mounted() {
    document.addEventListener("keydown", this.onKey);
  },
  unmounted() {
    document.removeEventListener("keydown", this.onKey);
  },
  methods: {
    ask(what, given) {
      if (this.sent !== null) return;
      this.error = "";
      this.sent = what;
      setTimeout(() => (this.sent = null), 5000);
      this.$emit(what, given);
    },
    read(id) {
      this.error = "";
      this.$emit("read", id);
    },
    decide(option) {
      const { id, step } = this.shown.open;
      this.ask("decide", { conversation: id, action: option.action, step });
    },
    state(talk) {
      if (talk.waits) return `waiting ${talk.quiet} s`;
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
    <p v-if="!shown.talks.length" class="empty">No visitors at the moment. Each one appears here.</p>
    <ul class="rows">
      <li v-for="talk in shown.talks" :key="talk.id">
        <button class="conversation" :aria-current="shown.open && shown.open.id === talk.id" @click="read(talk.id)">
          <span class="first"><strong><bdi>{{ talk.id }}</bdi></strong> <bdi class="is-faint">{{ talk.person }}</bdi>
            <span v-if="state(talk)" class="badge" :class="{ 'is-bad': talk.waits }"><bdi>{{ state(talk) }}</bdi></span></span>
        </button>
      </li>
    </ul>
  </section>

  <section class="reader" aria-label="Conversation">
    <template v-if="shown.open">
      <div class="tools" role="toolbar" aria-label="Conversation">
        <h1><bdi>{{ shown.open.id }}</bdi> <small>{{ !talk ? 'ended' : talk.teacher && !isMine ? 'taken over by ' + talk.teacher : isMine ? 'taken over by you' : 'answered by the bot' }}</small></h1>
        <button v-if="isMine" @click="ask('give_back', shown.open.id)" :disabled="sent !== null">Hand back to the bot</button>
        <button v-else-if="talk" class="primary" @click="ask('take_over', shown.open.id)" :disabled="sent !== null">Take over<template v-if="talk.teacher"> from <bdi>{{ talk.teacher }}</bdi></template></button>
      </div>
      <Chat ref="chat" :chat="shown.open.chat" shows-teachers />
      <section v-if="talk" ref="decision" class="decision" aria-label="Your answer">
        <p v-show="error || talk.problem" class="note is-bad" role="status" dir="auto">{{ error || talk.problem }}</p>
        <div v-if="shown.open.step !== null" class="card">
          <h2>Choose the bot's next step. Its favourite is first; the numbers are its estimates.</h2>
          <Options :options="options" :disabled="sent !== null" has-keys @pick="decide" />
        </div>
        <p v-else-if="talk.is_busy" class="is-faint">The bot is working on something that takes a while.</p>
        <p v-else-if="isMine" class="is-faint">Waiting for the visitor.</p>
      </section>
    </template>
    <p v-else class="empty">Select a conversation to follow it. Take over if the bot needs help.</p>
  </section>

  <section class="files" aria-label="What the bot knows">
    <template v-if="talk">
      <h2>The bot knows</h2>
      <dl class="slots"><div v-for="[name, value] in shown.open.slots" :class="{ 'is-faint': value === 'empty' }"><dt><bdi>{{ name }}</bdi></dt><dd dir="auto">{{ value }}</dd></div></dl>
      <p v-if="!shown.open.slots.length" class="is-faint">This bot has no slots.</p>
    </template>
  </section>
</div>
</div>`,
};
