// The settings of a teacher: most are kept by the server, the keys by the browser.

import { percent } from "./percent.js";

export default {
  props: { view: Object, alone: String, disabled: Boolean },
  emits: ["send", "update:alone"],
  methods: { percent },
  template: `
<section aria-labelledby="settings">
  <h2 id="settings">Settings</h2>
  <label class="setting">User
    <select :value="view.user" @change="$emit('send', 'user', { user: $event.target.value })" :disabled="disabled">
      <option value="fake" :disabled="!view.has_fake_user">fake user</option><option value="me">me</option>
    </select></label>
  <label class="setting">Choose every step yourself (Alt+W)<input type="checkbox" :checked="view.is_wizard" @change="$emit('send', 'wizard', { on: $event.target.checked })" :disabled="disabled"></label>
  <label class="setting">Continue automatically above
    <select :value="String(view.threshold)" @change="$emit('send', 'threshold', { threshold: Number($event.target.value) })" :disabled="disabled">
      <option v-for="value in [0.5, 0.7, 0.8, 0.9, 0.95, 0.99]" :value="String(value)">{{ percent(value) }} confidence</option>
    </select></label>
  <label class="setting">Keys that act without Alt
    <select :value="alone" @change="$emit('update:alone', $event.target.value)"><option value="numbers">numbers, / and ?</option><option value="all">letters as well</option><option value="none">none</option></select></label>
</section>`,
};
