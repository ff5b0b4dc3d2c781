// A name, which breaks after an underscore where the line ends, and not inside a word.

export default {
  props: { text: String },
  computed: {
    words() {
      return (this.text || "").match(/[^_]*_+|[^_]+$/g) || [];
    },
  },
  template: `<bdi class="breaks"><template v-for="(word, index) in words"><wbr v-if="index">{{ word }}</template></bdi>`,
};
