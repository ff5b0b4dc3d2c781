// What the bot has noted: its slots, and where users search, the venues found and the one on offer (see view.py).

import Name from "./name.js";

export default {
  components: { Name },
  props: { slots: Array, search: Object },
  methods: {
    // A value whose slot has a second hypothesis stands beside that one, with both scores.
    known(name, value) {
      const both = this.search?.doubts[name];
      return both ? both.map(([one, score]) => `${one} (${score}%)`).join(" or ") : value;
    },
  },
  template: `
<div class="knowledge">
  <h2>The bot knows</h2>
  <dl class="slots"><div v-for="[name, value] in slots" :class="{ 'is-faint': value === 'empty' }"><dt><Name :text="name" /></dt><dd dir="auto">{{ known(name, value) }}</dd></div></dl>
  <p v-if="!slots.length" class="is-faint">This bot has no slots.</p>
  <template v-if="search">
    <h2>Its search</h2>
    <dl class="slots searching">
      <div><dt>found</dt><dd>{{ search.counts }}</dd></div>
      <div :class="{ 'is-faint': !search.venue }"><dt>offer</dt><dd><bdi v-if="search.venue">{{ search.venue }}</bdi> <span class="status">{{ search.status }}</span></dd></div>
      <div :class="{ 'is-faint': !search.asked.length }"><dt>asked for</dt><dd>{{ search.asked.join(", ") || "nothing" }}</dd></div>
    </dl>
    <template v-if="search.venue">
      <h2>The venue: <bdi>{{ search.venue }}</bdi></h2>
      <dl class="slots venue"><div v-for="[name, value] in search.details" :class="{ 'is-faint': value === 'empty' }"><dt><Name :text="name" /></dt><dd dir="auto">{{ value }}</dd></div></dl>
    </template>
  </template>
</div>`,
};
