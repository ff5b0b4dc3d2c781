// The help of the teaching page: how it works, its keys, and the way back to the guide.

export default {
  props: { keys: Array },
  emits: ["guide"],
  methods: {
    isOpen() {
      return this.$el.open;
    },
    toggle() {
      if (this.$el.open) this.$el.close();
      else this.$el.showModal();
    },
    showGuide() {
      this.$el.close();
      this.$emit("guide");
    },
  },
  template: `
<dialog class="help" aria-labelledby="help-title">
  <h2 id="help-title">How it works</h2>
  <p>The bot shows its next step. Approve it, or choose a better one. It learns from every answer straight away and applies it in similar situations. Everything is saved automatically.</p>
  <table><caption class="sr">Shortcuts</caption><tbody><tr v-for="[key, what] in keys"><th scope="row"><kbd>{{ key }}</kbd></th><td>{{ what }}</td></tr></tbody></table>
  <p class="is-faint">Shortcuts are off while you type. The settings say which ones act without Alt.</p>
  <div class="row"><button class="primary" @click="toggle">Close</button><button @click="showGuide">Show the guide</button></div>
</dialog>`,
};
