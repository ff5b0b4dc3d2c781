// The conversations page: a searchable list, one conversation to read and replay, disagreements, ratings, files.

import { Chat, isTyping } from "dialogue-gym-web";

const OUTCOMES = { success: "successful", failure: "failed", truncated: "cut off" };
const REPLAY_PAUSE = 700;

// The outcome of a button, beside it. All are there from the beginning, so that screen readers tell of changes.
const noteAt = (place) => `<p v-show="place === '${place}'" ref="note-${place}" class="note" role="status" :class="isBad ? 'is-bad' : 'is-good'" dir="auto">{{ place === '${place}' ? line : "" }}</p>`;

export default {
  components: { Chat },
  props: { shown: Object, home: String },
  emits: ["search", "read", "approve", "settle_rating", "decline_bursts", "name", "open", "refresh"],
  data() {
    return {
      text: "", visibleBubbles: null, files: [], archive: "", line: "", place: "", asked: "reader", isBad: false, kind: "stories", target: "rasa", growth: "", names: {},
    };
  },
  computed: {
    chat() {
      const chat = this.shown.open.chat;
      return this.visibleBubbles === null ? chat : chat.slice(0, this.visibleBubbles);
    },
    rest() {
      return this.shown.count - this.shown.rows.length;
    },
  },
  watch: {
    shown(shown) {
      if (shown.error) this.tell(this.asked, shown.error, true);
    },
    text(text) {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.$emit("search", text), 150);
    },
  },
  mounted() {
    document.addEventListener("keydown", this.onKey);
    if (this.shown.may_administer) this.askGrowth();
  },
  unmounted() {
    document.removeEventListener("keydown", this.onKey);
    this.stopReplay();
  },
  methods: {
    onKey(event) {
      if (event.key === "Escape" && isTyping(event.target)) event.target.blur();
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/") {
        event.preventDefault();
        this.$refs.search.focus();
      }
    },
    outcome(row) {
      return OUTCOMES[row.outcome] || (row.has_ended ? "abandoned" : "in progress");
    },
    when(seconds) {
      return new Date(1000 * seconds).toLocaleString([], { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
    },
    read(id) {
      this.stopReplay();
      this.$emit("read", id);
      this.$nextTick(() => this.$refs.reader?.scrollIntoView({ block: "nearest" }));
    },
    replay() {
      this.stopReplay();
      this.visibleBubbles = 0;
      const step = () => {
        this.visibleBubbles += 1;
        if (this.visibleBubbles < this.shown.open.chat.length) this.replaying = setTimeout(step, REPLAY_PAUSE);
        else this.visibleBubbles = null;
      };
      step();
    },
    stopReplay() {
      clearTimeout(this.replaying);
      this.visibleBubbles = null;
    },
    // The name that was typed for somebody's own words, or one made of the first of them.
    actionOf({ entry, text }) {
      const words = text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) || ["answer"];
      return this.names[entry] ?? `utter_${words.slice(0, 4).join("_")}`;
    },
    // Sends what a button at a place asks for; an error is shown at that place.
    ask(place, name, given) {
      this.asked = place;
      this.place = "";
      this.$emit(name, given);
    },
    approve() {
      this.ask("reader", "approve", { conversation: this.shown.open.id, is_right: !this.shown.open.is_approved });
    },
    tell(place, line, isBad = false) {
      Object.assign(this, { place: line ? place : "", line, isBad });
      this.$nextTick(() => line && this.$refs[`note-${place}`]?.scrollIntoView({ block: "nearest" }));
    },
    async send(place, path, options) {
      try {
        const answer = await fetch(this.home + path, { method: "POST", ...options });
        if (answer.ok) return await answer.json();
        this.tell(place, (await answer.text()).trim(), true);
      } catch {
        this.tell(place, "Connection lost. Please try again.", true);
      }
      return null;
    },
    async exportAll() {
      const answer = await this.send("export", `export?target=${this.target}`);
      if (!answer) return;
      this.files = answer.files;
      this.archive = answer.archive;
      this.tell("export", answer.notes.join(". "));
    },
    async askGrowth() {
      const answer = await this.send("growth", "growth");
      this.growth = answer ? answer.line : "";
    },
    async writeGrowth() {
      const answer = await this.send("growth", "growth?write=true");
      if (!answer) return;
      this.growth = "";
      this.tell("growth", answer.line);
    },
    async importFile(event) {
      const file = event.target.files[0];
      if (!file) return;
      const path = `import/${this.kind}?name=${encodeURIComponent(file.name)}`;
      const answer = await this.send("import", path, { body: file });
      event.target.value = "";
      if (!answer) return;
      this.tell("import", answer.line);
      this.$emit("refresh");
    },
  },
  template: `
<div>
<div id="main" class="columns">
  <section class="list" aria-labelledby="list-title">
    <h1 id="list-title">Conversations</h1>
    <input ref="search" v-model="text" type="search" class="search" placeholder="Search messages and actions (/)" aria-label="Search" dir="auto">
    <p v-if="!shown.rows.length" class="empty">{{ text ? 'No matches.' : 'No conversations yet. Each one that you teach appears here.' }}</p>
    <ul class="rows">
      <li v-for="row in shown.rows" :key="row.id">
        <button class="conversation" :aria-current="shown.open && shown.open.id === row.id" @click="read(row.id)">
          <span class="first"><strong><bdi>{{ row.id }}</bdi></strong> <bdi class="is-faint">{{ row.teacher }}</bdi>
            <span v-if="row.is_approved" class="badge is-good">approved</span>
            <span class="badge" :class="{ 'is-good': row.outcome === 'success', 'is-bad': row.outcome === 'failure' }">{{ outcome(row) }}</span></span>
          <span class="begins" dir="auto">{{ row.begins }}</span>
          <small>{{ when(row.began) }} · {{ row.answers }} {{ row.answers === 1 ? 'answer' : 'answers' }}, {{ row.corrections }} {{ row.corrections === 1 ? 'correction' : 'corrections' }}</small>
        </button>
      </li>
    </ul>
    <p v-if="rest > 0 && !text" class="is-faint">{{ rest }} more. Search to find them.</p>
  </section>

  <section ref="reader" class="reader" aria-label="Conversation">
    <template v-if="shown.open">
      <div class="tools" role="toolbar" aria-label="Conversation">
        <h1><bdi>{{ shown.open.id }}</bdi> <small>{{ outcome(shown.open) }}</small></h1>
        <button v-if="visibleBubbles === null" @click="replay"><span aria-hidden="true">▶</span> Replay</button>
        <button v-else class="is-on" @click="stopReplay"><span aria-hidden="true">■</span> Stop</button>
        <button v-if="shown.may_approve" :aria-pressed="shown.open.is_approved" :class="{ 'is-on': shown.open.is_approved }" @click="approve"><span aria-hidden="true">✓</span> {{ shown.open.is_approved ? 'Approved' : 'Approve' }}</button>
        <button v-if="!shown.open.has_ended" @click="ask('reader', 'open', { conversation: shown.open.id })">Continue</button>
      </div>
      ${noteAt("reader")}
      <Chat :chat="chat" shows-teachers after-user="Continue from here" before-bot="Correct" @fork="ask('reader', 'open', { entry: $event.fork })" />
    </template>
    <p v-else class="empty">Select a conversation to read, correct or approve it.</p>
  </section>

  <section class="files" aria-label="Disagreements, ratings, files">
    <h2>Disagreements</h2>
    <p v-if="!shown.differing.length" class="is-faint">No disagreements.</p>
    <ul class="differing">
      <li v-for="one in shown.differing">
        <p v-for="(answer, index) in one.answers"><small v-if="!one.is_open">{{ index === one.answers.length - 1 ? 'now' : 'before' }}</small> <code><bdi>{{ answer.right.join(', ') }}</bdi></code> <small><bdi>{{ answer.by }}</bdi>, <button class="link" @click="read(answer.conversation)"><bdi>{{ answer.conversation }}</bdi></button></small></p>
        <button v-if="one.fork" @click="ask('differing', 'open', { entry: one.fork })">{{ one.is_open ? 'Resolve' : 'Change' }}</button>
      </li>
    </ul>
    ${noteAt("differing")}
    <template v-if="shown.unnamed.length">
    <h2>Own words to name</h2>
    <p class="is-faint">Teachers answered visitors in these words. Give each an action, known or new, and the bot learns it.</p>
    <datalist id="actions"><option v-for="name in shown.actions" :value="name"></option></datalist>
    <ul class="differing unnamed">
      <li v-for="one in shown.unnamed" :key="one.entry">
        <p><bdi dir="auto">{{ one.text }}</bdi> <small><bdi>{{ one.by }}</bdi>, <button class="link" @click="read(one.conversation)"><bdi>{{ one.conversation }}</bdi></button></small></p>
        <form class="row" @submit.prevent="ask('words', 'name', { entry: one.entry, action: actionOf(one) })">
          <input :value="actionOf(one)" @input="names[one.entry] = $event.target.value" list="actions" required maxlength="200" autocomplete="off" aria-label="Action" dir="auto"><button>Save</button></form>
      </li>
    </ul>
    ${noteAt("words")}
    </template>
    <h2>Ratings to review</h2>
    <p v-if="!shown.ratings.length" class="is-faint">No ratings to review.</p>
    <p v-if="shown.ratings.length && !shown.may_approve" class="is-faint">Somebody with the role “approve” decides on them.</p>
    <div v-if="shown.may_approve && shown.ratings.some((one) => one.is_burst)">
      <p class="is-faint">Some came too fast from one source; they are marked.</p>
      <button @click="ask('ratings', 'decline_bursts')">Reject all of these</button>
    </div>
    <ul class="differing ratings">
      <li v-for="one in shown.ratings" :key="one.id">
        <p><strong>{{ one.value > 0 ? 'Good' : one.value < 0 ? 'Bad' : 'Neutral' }}:</strong> <bdi v-if="one.about" dir="auto">{{ one.about }}</bdi><template v-else>Whole conversation</template> <span v-if="one.is_burst" class="badge is-bad">too fast</span>
          <small><button class="link" @click="read(one.conversation)"><bdi>{{ one.conversation }}</bdi></button>, {{ when(one.when) }}</small></p>
        <div v-if="shown.may_approve" class="row"><button @click="ask('ratings', 'settle_rating', { rating: one.id, is_right: true })">Approve</button>
        <button @click="ask('ratings', 'settle_rating', { rating: one.id, is_right: false })">Reject</button></div>
      </li>
    </ul>
    ${noteAt("ratings")}
    <template v-if="shown.may_administer">
    <h2>Export</h2>
    <div class="row"><label class="sr" for="target">Export for</label>
      <select id="target" v-model="target"><option value="rasa">for Rasa 3</option><option value="rasa1">for Rasa 1</option><option value="chats">for language models</option></select>
      <button @click="exportAll">Export</button></div>
    ${noteAt("export")}
    <div v-if="files.length" class="downloads">
      <p><a :href="home + 'export/' + archive" :download="archive">Download {{ archive }}</a></p>
      <details><summary>Single files</summary><ul><li v-for="name in files"><a :href="home + 'export/' + name" :download="name">{{ name }}</a></li></ul></details>
    </div>
    <template v-if="growth">
      <h2>Domain file</h2>
      <p><bdi>{{ growth }}</bdi></p>
      <div class="row"><button @click="writeGrowth">Write them into the file</button></div>
    </template>
    ${noteAt("growth")}
    <h2>Import</h2>
    <div class="row"><label class="sr" for="kind">Kind of file</label>
      <select id="kind" v-model="kind"><option value="stories">stories</option><option value="nlu">NLU examples</option><option value="domain">domain</option></select>
      <label class="pick">Choose file<input type="file" class="sr" accept=".md,.yml,.yaml" @change="importFile"></label></div>
    ${noteAt("import")}
    </template>
  </section>
</div>
</div>`,
};
