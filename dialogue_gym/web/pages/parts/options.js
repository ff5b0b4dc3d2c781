// The actions to choose from, each with its number key, its text, and the bot's estimate: a number, and a bar if
// it is a probability.

export default {
  props: { options: Array, disabled: Boolean, hasKeys: Boolean },
  emits: ["pick"],
  methods: {
    key(number) {
      return number < 10 ? number : number === 10 ? 0 : "";
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
      <span class="name"><bdi>{{ option.shown }}</bdi><small v-if="option.says || !option.is_possible" dir="auto">{{ option.is_possible ? option.says : 'not possible now' }}</small></span>
      <i v-if="option.bar !== undefined" class="bar" aria-hidden="true"><i :style="barWidth(option.bar)"></i></i>
      <span v-if="option.share !== undefined" class="share">{{ option.share }}</span>
    </button>
  </li>
</ol>`,
};
