// The domain page: a list of responses, intents or slots, and an editor for one of them. The server alone decides
// whether an edit is made; an edit carries the text that was shown when it was begun.

const KINDS = { responses: "Responses", intents: "Intents", slots: "Slots" };
const ONE = { responses: "response", intents: "intent", slots: "slot" };
const EMPTY = () => ({ name: "", text: "", type: "text", values: "", entity: null });

export default {
  props: { shown: Object },
  emits: ["read", "edit"],
  data() {
    return {
      kinds: KINDS, one: ONE, kind: "responses", search: "", isNew: false, fresh: EMPTY(), drafts: {}, form: null,
      added: "", sent: null, count: 0, fault: null, said: "",
    };
  },
  computed: {
    open() {
      return this.isNew || this.shown.open?.kind !== this.kind ? null : this.shown.open;
    },
    listed() {
      const words = this.search.toLowerCase().split(/\s+/);
      return this.shown[this.kind].filter((pair) => words.every((word) => pair.join(" ").toLowerCase().includes(word)));
    },
    slot() {
      return this.isNew ? this.fresh : this.form?.now;
    },
    isLong() {
      return this.kind === "responses";
    },
  },
  watch: {
    shown(shown, before) {
      const answer = shown.answer;
      const isOther = shown.open?.name !== before.open?.name || shown.open?.kind !== before.open?.kind;
      if (isOther) this.forget();
      if (answer && this.sent && answer.id === this.sent.id) this.take(answer);
      if (shown.open?.items) this.follow(shown.open.items);
      if (shown.open?.form && (!this.form || !this.isChanged(this.form))) this.form = this.formOf(shown.open.form);
    },
  },
  methods: {
    forget() {
      this.drafts = {};
      this.form = null;
      this.added = "";
    },
    // What is being written stays at its text when another teacher adds or removes one before it.
    follow(items) {
      const moved = {};
      for (const [place, draft] of Object.entries(this.drafts)) {
        const now = items.indexOf(draft.was);
        moved[now < 0 ? place : now] = draft;
      }
      this.drafts = moved;
    },
    take(answer) {
      const { place, was } = this.sent;
      this.sent = null;
      this.said = answer.error ? "" : ["Saved. The bot goes by it now.", ...answer.notes].join(" ");
      this.fault = answer.error ? { place, ...answer } : null;
      if (answer.error && !answer.is_stale) {
        this.$nextTick(() => this.$el.querySelector("[aria-invalid=true]")?.focus());
        return;
      }
      // A stale one gives way to the current text, and the sentence has it.
      for (const [index, draft] of Object.entries(this.drafts)) if (draft.was === was) delete this.drafts[index];
      if (place === "slot") this.form = null;
      if (place === "added" && !answer.error) this.added = "";
      if (place === "new" && !answer.error) {
        this.isNew = false;
        this.fresh = EMPTY();
      }
    },
    select(kind) {
      this.kind = kind;
      this.search = "";
      this.fresh = EMPTY();
      this.begin(false);
    },
    begin(isNew) {
      this.isNew = isNew;
      this.fault = null;
      this.said = "";
      if (isNew) this.$nextTick(() => this.$refs.name?.focus());
    },
    read(name) {
      this.begin(false);
      this.forget();
      this.$emit("read", { kind: this.kind, name });
      this.$nextTick(() => this.$refs.editor?.scrollIntoView({ block: "nearest" }));
    },
    send(place, edit) {
      if (this.sent) return;
      this.fault = null;
      this.said = "";
      this.sent = { place, was: edit.was, id: ++this.count };
      const { id } = this.sent;
      setTimeout(() => this.sent?.id === id && (this.sent = null), 10000);
      this.$emit("edit", { id, edit });
    },
    textEdit(name, was, now) {
      return { kind: this.kind === "responses" ? "response" : "example", name, was, now };
    },
    write(index, item, text) {
      const was = this.drafts[index]?.was ?? item;
      if (text === was) delete this.drafts[index];
      else this.drafts[index] = { was, text };
    },
    save(index) {
      const draft = this.drafts[index];
      if (draft) this.send(index, this.textEdit(this.open.name, draft.was, draft.text));
    },
    remove(index, item) {
      this.send(index, this.textEdit(this.open.name, item, null));
      this.$nextTick(() => this.$refs.added?.focus());
    },
    add() {
      this.send("added", this.textEdit(this.open.name, null, this.added));
    },
    create() {
      const { name, text } = this.fresh;
      if (this.kind === "slots") this.send("new", { kind: "slot", name, was: null, now: this.partsOf(this.fresh, name) });
      else this.send("new", this.textEdit(name, null, text));
    },
    saveSlot() {
      const { was, now } = this.form;
      this.send("slot", { kind: "slot", name: this.open.name, was, now: this.partsOf(now, null) });
    },
    formOf(form) {
      return { was: form, now: { ...form, values: form.values.join("\n") } };
    },
    partsOf({ type, values, entity }, name) {
      const listed = values.split("\n").filter((value) => value.trim());
      return { type, values: type === "categorical" ? listed : [], entity: entity === null ? name : entity.trim() || null };
    },
    isChanged({ was, now }) {
      return JSON.stringify({ ...was, values: was.values.join("\n"), entity: was.entity || "" }) !== JSON.stringify({ ...now, entity: now.entity || "" });
    },
    rows(text) {
      return Math.min(8, Math.max(1, text.split("\n").length));
    },
    hasFault(place, field) {
      return this.fault !== null && this.fault.place === place && (!field || this.fault.field === field);
    },
  },
  template: `
<div>
<div id="main" class="columns domain">
  <section class="list" aria-labelledby="list-title">
    <h1 id="list-title">Domain</h1>
    <div class="row filters" role="group" aria-label="Show">
      <button v-for="(name, key) in kinds" :key="key" :aria-pressed="kind === key" :class="{ 'is-on': kind === key }" @click="select(key)">{{ name }}</button>
    </div>
    <div class="row finder">
      <input v-model="search" type="search" class="search" placeholder="Search" :aria-label="'Search ' + kind" dir="auto">
      <button @click="begin(true)">New {{ one[kind] }}</button>
    </div>
    <p v-if="!listed.length" class="empty">{{ search ? 'No matches.' : 'None yet.' }}</p>
    <ul class="rows">
      <li v-for="[name, about] in listed" :key="name">
        <button class="conversation" :aria-current="!!open && open.name === name" @click="read(name)">
          <strong class="breaks"><bdi>{{ name }}</bdi></strong><span class="begins" dir="auto">{{ about }}</span>
        </button>
      </li>
    </ul>
  </section>

  <section ref="editor" class="editor" aria-label="Editor">
    <form v-if="isNew" @submit.prevent="create">
      <h1>New {{ one[kind] }}</h1>
      <label>Name<input ref="name" v-model="fresh.name" autocomplete="off" dir="auto" :placeholder="{ responses: 'utter_price', intents: 'ask_price', slots: 'size' }[kind]" :aria-invalid="hasFault('new', 'name')" aria-describedby="fault"></label>
      <label v-if="kind === 'responses'">First text<textarea v-model="fresh.text" :rows="rows(fresh.text)" dir="auto" placeholder="A pizza costs {price}." :aria-invalid="hasFault('new', 'text')" aria-describedby="fault"></textarea></label>
      <label v-if="kind === 'intents'">First example<input v-model="fresh.text" autocomplete="off" dir="auto" placeholder="how much is a [big](size) pizza?" :aria-invalid="hasFault('new', 'text')" aria-describedby="fault"></label>
    </form>
    <template v-if="open && open.kind !== 'slots'">
      <h1 class="breaks"><bdi>{{ open.name }}</bdi></h1>
      <p class="is-faint">{{ isLong ? 'The bot says one of these texts. {' + (shown.slots[0]?.[0] || 'size') + '} stands for the value of a slot.' : 'Mark an entity as in: a [big](size) pizza.' }}</p>
      <ul class="items">
        <li v-for="(item, index) in open.items" :key="index">
          <form class="row" @submit.prevent="save(index)">
            <component :is="isLong ? 'textarea' : 'input'" :rows="isLong ? rows(drafts[index]?.text ?? item) : null" autocomplete="off" dir="auto" :aria-label="(isLong ? 'Text ' : 'Example ') + (index + 1)" :value="drafts[index]?.text ?? item" @input="write(index, item, $event.target.value)" @keydown.ctrl.enter="save(index)" :aria-invalid="hasFault(index)" :aria-describedby="hasFault(index) ? 'fault' : null"></component>
            <button :disabled="!drafts[index] || sent !== null">Save<span class="sr"> {{ index + 1 }}</span></button>
            <button type="button" @click="remove(index, item)" :disabled="sent !== null">Remove<span class="sr"> {{ index + 1 }}</span></button>
          </form>
          <p v-if="open.about?.[index]" class="is-faint" dir="auto">{{ open.about[index] }}</p>
          <p v-if="hasFault(index)" class="note is-bad" id="fault" role="alert" dir="auto">{{ fault.error }}</p>
        </li>
      </ul>
      <p v-if="open.rest" class="is-faint">{{ open.rest }} more.</p>
      <form class="row adding" @submit.prevent="add">
        <component :is="isLong ? 'textarea' : 'input'" ref="added" :rows="isLong ? rows(added) : null" autocomplete="off" dir="auto" :aria-label="isLong ? 'Another text' : 'Another example'" :placeholder="isLong ? 'Another text' : 'Another example'" :value="added" @input="added = $event.target.value" @keydown.ctrl.enter="add" :aria-invalid="hasFault('added')" :aria-describedby="hasFault('added') ? 'fault' : null"></component>
        <button class="primary" :disabled="sent !== null">Add</button>
      </form>
      <p v-if="hasFault('added')" class="note is-bad" id="fault" role="alert" dir="auto">{{ fault.error }}</p>
    </template>
    <form v-if="kind === 'slots' && slot && (isNew || open)" @submit.prevent="isNew ? create() : saveSlot()">
      <h1 v-if="!isNew" class="breaks"><bdi>{{ open.name }}</bdi></h1>
      <label>Type<select v-model="slot.type" :aria-invalid="hasFault(isNew ? 'new' : 'slot', 'type')" aria-describedby="fault"><option v-for="type in shown.types" :value="type">{{ type }}</option></select></label>
      <label v-if="slot.type === 'categorical'">Values, one in each line<textarea v-model="slot.values" :rows="rows(slot.values) + 1" dir="auto" :aria-invalid="hasFault(isNew ? 'new' : 'slot', 'values')" aria-describedby="fault"></textarea></label>
      <label v-if="isNew || !open.filled">Filled by the entity<input v-model="slot.entity" list="entities" autocomplete="off" dir="auto" :placeholder="isNew ? 'its own name' : 'none'" :aria-invalid="hasFault(isNew ? 'new' : 'slot', 'entity')" aria-describedby="fault"></label>
      <p v-else class="is-faint">Filled by its mappings, which the domain file has: <bdi>{{ open.filled }}</bdi></p>
      <datalist id="entities"><option v-for="name in shown.entities" :value="name"></option></datalist>
      <div v-if="!isNew" class="row"><button class="primary" :disabled="sent !== null || !isChanged(form)">Save</button></div>
      <p v-if="hasFault('slot')" class="note is-bad" id="fault" role="alert" dir="auto">{{ fault.error }}</p>
    </form>
    <template v-if="isNew">
      <p v-if="hasFault('new')" class="note is-bad" id="fault" role="alert" dir="auto">{{ fault.error }}</p>
      <div class="row"><button class="primary" :disabled="sent !== null" @click="create">Add {{ one[kind] }}</button><button @click="begin(false)">Cancel</button></div>
    </template>
    <p v-if="!open && !isNew" class="empty">Select a {{ one[kind] }} to edit it, or add a new one.</p>
    <p class="note" :class="{ 'is-good': said }" role="status">{{ said }}</p>
  </section>
</div>
</div>`,
};
