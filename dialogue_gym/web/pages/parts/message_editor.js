// Corrects the meaning of a message in place: its intent, and its entities by selecting words.

// Positions as the server counts them: in code points, not in UTF-16 units.
const characters = (text) => Array.from(text).length;

function wordsOf(text) {
  const found = [];
  if (window.Intl && Intl.Segmenter) {
    for (const part of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
      if (part.isWordLike) found.push([part.index, part.index + part.segment.length]);
    }
  } else {
    for (const part of text.matchAll(/\S+/g)) found.push([part.index, part.index + part[0].length]);
  }
  return found.map(([start, end]) => ({
    text: text.slice(start, end),
    start: characters(text.slice(0, start)),
    end: characters(text.slice(0, end)),
  }));
}

export default {
  props: { message: Object, names: Object, disabled: Boolean },
  emits: ["save", "cancel"],
  data() {
    const { text, intent, entities } = this.message;
    return {
      intent: intent || "",
      entities: entities.map((one) => ({ ...one })),
      words: text && !text.startsWith("/") ? wordsOf(text) : [],
      from: null,
      to: null,
      name: "",
    };
  },
  mounted() {
    this.$refs.intent.focus();
    this.$el.scrollIntoView({ block: "nearest" });
  },
  methods: {
    mark(index) {
      if (this.from === null) this.name = this.nextName();
      if (this.from === null) this.from = this.to = index;
      else if (index === this.from && index === this.to) this.from = this.to = null;
      else if (index < this.from) this.from = index;
      else if (index > this.to) this.to = index;
      else this.from = this.to = index;
    },
    // The first entity that the message lacks.
    nextName() {
      const { entities } = this.names;
      return entities.find((name) => !this.entities.some((one) => one.name === name)) || entities[0] || "";
    },
    isMarked(index) {
      return this.from !== null && this.from <= index && index <= this.to;
    },
    isEntity(word) {
      return this.entities.some((one) => one.start !== null && one.start <= word.start && word.end <= one.end);
    },
    addEntity() {
      if (this.from === null || !this.name.trim()) return;
      const { start } = this.words[this.from];
      const { end } = this.words[this.to];
      const value = Array.from(this.message.text).slice(start, end).join("");
      this.entities.push({ name: this.name.trim(), value, start, end });
      this.from = this.to = null;
    },
    save() {
      this.addEntity();
      this.$emit("save", { intent: this.intent, entities: this.entities });
    },
  },
  template: `
<form class="message-editor" @submit.prevent="save" @keydown.esc.stop="$emit('cancel')" aria-label="Meaning of the message">
  <label>Intent <input ref="intent" v-model="intent" list="intents" required dir="auto" autocomplete="off"></label>
  <datalist id="intents"><option v-for="one in names.intents" :value="one"></option></datalist>
  <div v-if="words.length" class="words" role="group" aria-label="Words"><span>Select entities</span>
    <button v-for="(word, index) in words" type="button" :class="{ 'is-known': isEntity(word) }" :aria-pressed="isMarked(index)" @click="mark(index)" dir="auto">{{ word.text }}</button>
  </div>
  <div v-if="from !== null" class="selected">
    <label>Entity <input v-model="name" list="entities" dir="auto" autocomplete="off" @keydown.enter.prevent="addEntity"></label>
    <datalist id="entities"><option v-for="one in names.entities" :value="one"></option></datalist>
    <button type="button" @click="addEntity">Add</button>
  </div>
  <ul v-if="entities.length" class="entities" aria-label="Entities">
    <li v-for="(entity, index) in entities">
      <bdi>{{ entity.name }}</bdi> = <input v-model="entity.value" :aria-label="'Value of ' + entity.name" dir="auto" required>
      <button type="button" @click="entities.splice(index, 1)" :aria-label="'Remove ' + entity.name">✕</button>
    </li>
  </ul>
  <div class="row"><button class="primary" :disabled="disabled">Save</button><button type="button" @click="$emit('cancel')">Cancel (Esc)</button></div>
</form>`,
};
