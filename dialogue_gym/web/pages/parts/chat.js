// A conversation as a chat (see chat_of in view.py). A page can put its own elements into the last user message.

import Name from "./name.js";
import { percent } from "./percent.js";

export default {
  components: { Name },
  props: { chat: Array, disabled: Boolean, showsTeachers: Boolean, afterUser: String, beforeBot: String },
  emits: ["fork"],
  computed: {
    lastUserMessage() {
      return this.chat.findLastIndex((bubble) => bubble.side === "user");
    },
  },
  mounted() {
    // A chat that gets less room still shows its last message.
    this.resizing = new ResizeObserver(() => this.isAtEnd && this.showEnd());
    this.resizing.observe(this.$el);
    this.$el.addEventListener("scroll", this.noteEnd);
  },
  unmounted() {
    this.resizing.disconnect();
  },
  methods: {
    percent,
    noteEnd() {
      const { scrollTop, scrollHeight, clientHeight } = this.$el;
      if (clientHeight === this.height) this.isAtEnd = scrollTop + clientHeight > scrollHeight - 8;
      this.height = clientHeight;
    },
    showEnd() {
      this.$el.scrollTop = this.$el.scrollHeight;
      this.isAtEnd = true;
      this.height = this.$el.clientHeight;
    },
    // Move the focus to the bubble before or after the focused one.
    move(by) {
      const bubbles = [...this.$el.querySelectorAll(".bubble")];
      const now = bubbles.findIndex((bubble) => bubble.contains(document.activeElement));
      const next = now < 0 ? bubbles.length - 1 : Math.min(Math.max(now + by, 0), bubbles.length - 1);
      bubbles[next]?.focus();
    },
    focused() {
      return this.chat[document.activeElement?.closest?.(".bubble")?.dataset.place ?? -1];
    },
  },
  template: `
<div class="log" role="log" aria-label="Messages" tabindex="0"><ol>
  <li v-for="(bubble, place) in chat" :key="bubble.key" class="bubble" :class="'is-' + bubble.side" :data-place="place" tabindex="-1">
    <span class="sr">{{ bubble.side === 'user' ? 'User' : 'Bot' }}:</span>
    <div class="texts">
      <p v-for="text in bubble.texts" dir="auto">{{ text }}</p>
      <p v-if="!bubble.texts.length" class="silent"><Name :text="bubble.meaning" /></p>
    </div>
    <div class="about">
      <span v-if="bubble.corrected" class="corrected" title="Corrected">✎ <del><bdi>{{ bubble.corrected }}</bdi></del></span>
      <code v-if="bubble.side === 'user' || bubble.texts.length"><Name :text="bubble.meaning ?? (bubble.side === 'user' ? 'not understood' : 'own words')" /></code>
      <span v-if="bubble.side === 'user' && bubble.meaning && bubble.confidence < 1">{{ percent(bubble.confidence) }} sure</span>
      <span v-for="[name, value] in bubble.slots"><Name :text="name" /> = <bdi>{{ value }}</bdi></span>
      <bdi v-if="showsTeachers">{{ bubble.by }}</bdi>
      <slot v-if="place === lastUserMessage" name="about"></slot>
      <button v-if="bubble.fork" class="link fork" @click="$emit('fork', bubble)" :disabled="disabled">{{ bubble.side === 'user' ? afterUser : beforeBot }}</button>
    </div>
    <slot v-if="place === lastUserMessage" name="below"></slot>
  </li>
</ol></div>`,
};
