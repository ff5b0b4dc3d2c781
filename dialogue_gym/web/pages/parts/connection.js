// Sends commands and watches the connection. A mixin for a component with a `view`: each command carries the step
// that it answers, and one is under way at a time.

import { keep, kept } from "./session_storage.js";

const SEND_AGAIN = "Your last answer did not arrive. Please send it again.";
const OFFLINE = "Connection lost. Your answers are saved; reconnecting…";

export default {
  data() {
    return { isOffline: false, notice: "", sent: null, isSlow: false };
  },
  computed: {
    isBlocked() {
      return this.isOffline || this.sent !== null;
    },
    banner() {
      return this.isOffline ? OFFLINE : this.notice || (this.isSlow ? "Working on it…" : "");
    },
  },
  mounted() {
    // The page's socket is created after this element.
    const listen = () => {
      if (!window.socket) return setTimeout(listen, 10);
      window.socket.on("disconnect", this.disconnected);
      window.socket.on("connect", this.reconnected);
      // NiceGUI would reload the page while there is no server to load it from.
      window.socket.off("connect_error");
      window.socket.on("connect_error", (error) => {
        if (error.message === "Implicit handshake failed") window.location.reload();
        else this.disconnected();
        if (error.message === "timeout") window.socket.io.opts.transports = ["polling", "websocket"];
      });
    };
    listen();
    if (this.isLost(kept("sent"), this.view)) this.notify(SEND_AGAIN);
    keep("sent", null);
  },
  methods: {
    isLost(command, view) {
      return command !== null && command.conversation === view.conversation && command.head === view.head;
    },
    notify(text) {
      this.notice = text;
      clearTimeout(this.notifying);
      this.notifying = setTimeout(() => (this.notice = ""), 6000);
    },
    disconnected() {
      this.isOffline = true;
    },
    reconnected() {
      if (!this.isOffline) return;
      const ask = () => {
        if (!window.socket.connected) return;
        if (!window.did_handshake) return setTimeout(ask, 20);
        const last = this.sent;
        this.isOffline = false;
        this.$emit("refresh");
        const unwatch = this.$watch("view", (view) => {
          unwatch();
          this.notify(this.isLost(last, view) ? SEND_AGAIN : "Connected again. Nothing was lost.");
        });
      };
      ask();
    },
    // Return the command that the server has answered, if there was one.
    settle() {
      const last = this.sent;
      this.sent = null;
      this.isSlow = false;
      clearTimeout(this.waiting);
      keep("sent", null);
      return last;
    },
    send(command, args = {}) {
      if (this.isBlocked) return;
      const { step, conversation, head } = this.view;
      this.notice = "";
      this.sent = { step, command, conversation, head };
      keep("sent", this.sent);
      this.waiting = setTimeout(() => (this.isSlow = true), 1000);
      this.$emit("command", { step, command, args });
    },
  },
};
