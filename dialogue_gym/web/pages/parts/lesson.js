// The wish of the user, and the goal of the lesson with what to do once it is reached (see wish.py and lesson.py).

export default {
  props: { wish: Object, lesson: Object, isUser: Boolean, hasFakeUser: Boolean, hasVisitors: Boolean, disabled: Boolean },
  emits: ["talk"],
  computed: {
    reached() {
      return Math.min(this.lesson.in_a_row, this.lesson.goal);
    },
  },
  template: `
<div class="lesson">
  <div class="wish" role="group" aria-label="The wish of the user">
    <h2>{{ wish.title }}</h2>
    <ul><li v-for="[text, isTold] in wish.parts" :class="{ 'is-told': isTold }"><bdi>{{ text }}</bdi><span v-if="isTold" class="sr"> (told)</span></li></ul>
  </div>
  <div class="goal">
    <p><strong>{{ lesson.is_reached ? 'Goal reached:' : 'Goal:' }}</strong> {{ lesson.goal }} dialogues in a row without a correction
      <span class="dots" aria-hidden="true"><i v-for="number in lesson.goal" :class="{ 'is-done': number <= reached }"></i></span>
      <span class="count">{{ lesson.in_a_row }}<span v-if="lesson.in_a_row <= lesson.goal"> of {{ lesson.goal }}</span><span v-else> in a row</span></span></p>
    <p v-if="!hasFakeUser" class="is-faint">When a dialogue is over, press New.</p>
    <details v-if="lesson.is_reached"><summary>What next?</summary>
      <ul>
        <li v-if="!isUser"><button class="link" @click="$emit('talk')" :disabled="disabled">Talk to it yourself</button>, as the user.</li>
        <li><a href="conversations">Export it</a>, for Rasa or as stories.</li>
        <li v-if="hasVisitors"><a href="../" target="_blank">Open the visitors’ page</a>, and send its address to others.</li>
        <li v-else>Let others talk to it: start the server with <code>--talk</code>.</li>
      </ul>
    </details>
  </div>
</div>`,
};
