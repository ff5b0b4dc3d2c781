// A short guide to a page, part by part. It stands above the page, covers nothing, and takes no key that the page
// uses: the arrows left and right turn its pages, Escape leaves it. It is shown once to each browser.

import { prefer, preferred } from "./session_storage.js";
import { isTyping } from "./keys.js";

const SEEN = "guide";
// Keys that do nothing by themselves.
const SILENT = ["Alt", "Control", "Meta", "Shift", "Tab"];

export default {
  props: { parts: Array, step: String },
  emits: ["leave"],
  data() {
    return { place: -1, shown: [] };
  },
  computed: {
    part() {
      return this.shown[this.place];
    },
    isLast() {
      return this.place === this.shown.length - 1;
    },
  },
  watch: {
    step() {
      this.$nextTick(() => this.point(false));
    },
  },
  mounted() {
    document.addEventListener("keydown", this.onKey, true);
  },
  unmounted() {
    document.removeEventListener("keydown", this.onKey, true);
  },
  methods: {
    // Begin, unless this browser has seen the guide.
    offer() {
      if (preferred(SEEN) === null) this.open();
    },
    open(takesFocus = false) {
      this.shown = this.parts.filter((part) => document.querySelector(part.of));
      this.go(0);
      if (takesFocus) this.$nextTick(() => this.$refs.next.focus());
    },
    go(place) {
      if (place >= this.shown.length) return this.leave();
      this.place = Math.max(0, place);
      this.$nextTick(() => this.point(true));
    },
    leave() {
      const hasFocus = this.$el.contains(document.activeElement);
      this.place = -1;
      prefer(SEEN, "seen");
      this.point(false);
      this.$emit("leave", hasFocus);
    },
    // Mark the part, and bring it into view below the guide.
    point(scrolls) {
      for (const marked of document.querySelectorAll("[data-explained]")) marked.removeAttribute("data-explained");
      const target = this.part && document.querySelector(this.part.of);
      document.documentElement.style.scrollPaddingTop = this.part ? `${this.$el.offsetHeight + 12}px` : "";
      if (!target) return;
      target.dataset.explained = "";
      if (scrolls) target.scrollIntoView({ block: "nearest" });
    },
    onKey(event) {
      if (!this.part || event.ctrlKey || event.metaKey || SILENT.includes(event.key)) return;
      if (isTyping(event.target) && event.target.value) return; // the keys edit the text
      if (document.querySelector("dialog[open]")) return;
      const turns = !event.altKey && { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (turns) this.go(this.place + turns);
      else if (event.key === "Escape") this.leave();
      else {
        // A person who begins with the keys of the page needs no guide.
        if (this.place === 0 && !this.$el.contains(event.target)) this.leave();
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    },
  },
  template: `
<div class="guide" :class="{ 'is-open': part }" :role="part ? 'region' : null" :aria-label="part ? 'Guide' : null">
  <div aria-live="polite" aria-atomic="true"><template v-if="part">
    <h2>{{ part.title }} <small>{{ place + 1 }} of {{ shown.length }}</small></h2>
    <p>{{ part.text }}</p>
  </template></div>
  <div v-if="part" class="row">
    <button v-if="!isLast" class="link" @click="leave">Leave <kbd>Esc</kbd></button>
    <button @click="go(place - 1)" :disabled="!place">Back <kbd>←</kbd></button>
    <button ref="next" class="primary" @click="go(place + 1)">{{ isLast ? 'Done' : 'Next' }} <kbd>→</kbd></button>
  </div>
</div>`,
};
