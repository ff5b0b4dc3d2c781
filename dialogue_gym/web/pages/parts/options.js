// The actions to choose from, each with its number key, its text, and the bot's estimate: a number, and a bar if
// it is a probability.

import Name from "./name.js";

export default {
  components: { Name },
  props: { options: Array, disabled: Boolean, hasKeys: Boolean },
  emits: ["pick"],
  methods: {
    key(number) {
      return number < 10 ? number : number === 10 ? 0 : "";
    },
    note(option) {
      if (!option.is_possible) return "not possible now";
      return option.runs_code ? "runs code" : option.says;
    },
    barWidth(probability) {
      return { width: `${Math.max(1, 100 * probability)}%` };
    },
  },
  template: `
<ol class="options">
  <li v-for="option in options" :key="option.action">
    <button class="option" :class="{ 'is-faint': !option.is_possible }" :data-number="hasKeys ? option.number : null" :data-action="option.action" @click="$emit('pick', option)" :disabled="disabled">
      <kbd>{{ key(option.number) }}</kbd>
      <span class="name"><Name :text="option.shown" /><small v-if="note(option)" dir="auto">{{ note(option) }}</small></span>
      <i v-if="option.bar !== undefined" class="bar" aria-hidden="true"><i :style="barWidth(option.bar)"></i></i>
      <span v-if="option.share !== undefined" class="share">{{ option.share }}</span>
    </button>
  </li>
</ol>`,
};
