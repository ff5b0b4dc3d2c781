// Answers on their way to the server, and what there is to say of the connection. To be mixed into a component
// with a `view`: each answer carries the step that it answers, and one is under way at a time.

import { keep, kept } from "./session_storage.js";

const SEND_AGAIN = "Your last answer did not arrive. Please give it again.";
const OFFLINE = "No connection to the server. All that you answered is kept; this page goes on when it is back.";

export default {
  data() {
    return { isOffline: false, said: "", sent: null, isSlow: false };
  },
  computed: {
    cannotAnswer() {
      return this.isOffline || this.sent !== null;
    },
    banner() {
      return this.isOffline ? OFFLINE : this.said || (this.isSlow ? "Working on it …" : "");
    },
  },
  mounted() {
    // The page's own socket is made after this element.
    const listen = () => {
      if (!window.socket) return setTimeout(listen, 10);
      window.socket.on("disconnect", this.lost);
      window.socket.on("connect", this.foundAgain);
      // The framework would reload the page while there is no server to load it from.
      window.socket.off("connect_error");
      window.socket.on("connect_error", (error) => {
        if (error.message === "Implicit handshake failed") window.location.reload();
        else this.lost();
        if (error.message === "timeout") window.socket.io.opts.transports = ["polling", "websocket"];
      });
    };
    listen();
    if (this.isLost(kept("sent"), this.view)) this.tell(SEND_AGAIN);
    keep("sent", null);
  },
  methods: {
    isLost(answer, view) {
      return answer !== null && answer.conversation === view.conversation && answer.head === view.head;
    },
    tell(text) {
      this.said = text;
      clearTimeout(this.telling);
      this.telling = setTimeout(() => (this.said = ""), 6000);
    },
    lost() {
      this.isOffline = true;
    },
    foundAgain() {
      if (!this.isOffline) return;
      const ask = () => {
        if (!window.socket.connected) return;
        if (!window.did_handshake) return setTimeout(ask, 20);
        const last = this.sent;
        this.isOffline = false;
        this.$emit("refresh");
        const unwatch = this.$watch("view", (view) => {
          unwatch();
          this.tell(this.isLost(last, view) ? SEND_AGAIN : "Connected again. Nothing was lost.");
        });
      };
      ask();
    },
    // Return the answer that has arrived by now, if there was one.
    settle() {
      const last = this.sent;
      this.sent = null;
      this.isSlow = false;
      clearTimeout(this.waiting);
      keep("sent", null);
      return last;
    },
    answer(what, given = {}) {
      if (this.cannotAnswer) return;
      const { step, conversation, head } = this.view;
      this.said = "";
      this.sent = { step, what, conversation, head };
      keep("sent", this.sent);
      this.waiting = setTimeout(() => (this.isSlow = true), 1000);
      this.$emit("answer", { step, do: what, given });
    },
  },
};
