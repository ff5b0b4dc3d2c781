// The chat on another site: a button that opens the visitors' page in a frame. One tag embeds it:
// <script src="https://bot.example.org/talk/widget.js" async></script>
"use strict";
(() => {
  const looks = LOOKS;
  const home = new URL("./", document.currentScript.src);
  const ID = "dialogue-gym-chat";
  const STYLE = `
:host { all: initial; position: fixed; right: 1rem; bottom: 1rem; z-index: 2147483000; font: 1rem/1.4 system-ui, sans-serif; }
button { position: relative; width: 3.5rem; height: 3.5rem; border: 0; border-radius: 50%; cursor: pointer; background: ${looks.color}; color: ${looks.ink}; box-shadow: 0 2px 10px #0006; display: grid; place-items: center; }
button:focus-visible { outline: 3px solid #2368e0; outline-offset: 3px; }
button[data-news]::after { content: ""; position: absolute; top: 0; right: 0; width: .9rem; height: .9rem; border-radius: 50%; background: #d62f1f; border: 2px solid #fff; }
img, svg { width: 60%; height: 60%; object-fit: contain; }
iframe { display: none; position: fixed; right: 1rem; bottom: 5.5rem; width: 24rem; height: min(36rem, calc(100dvh - 7rem)); border: 0; border-radius: 1rem; box-shadow: 0 4px 24px #0006; background: #fff; color-scheme: light dark; }
iframe.is-open { display: block; }
@media (max-width: 30rem) {
  iframe { inset: 0; width: 100%; height: 100dvh; border-radius: 0; }
  iframe.is-open + button { display: none; }
}`;

  // The visitor's token, which the server signs; without storage the conversation lasts as long as the page.
  const TOKEN = "dialogue-gym: visitor ";

  function visitorToken() {
    try {
      return localStorage.getItem(ID) || "";
    } catch {
      return "";
    }
  }

  function keepToken(token) {
    try {
      localStorage.setItem(ID, token);
    } catch {}
  }

  function icon() {
    if (!looks.hasLogo) return bubble();
    const image = document.createElement("img");
    image.src = new URL("logo", home);
    image.alt = "";
    image.onerror = () => image.replaceWith(bubble()); // the site's policy may forbid it
    return image;
  }

  function bubble() {
    const space = "http://www.w3.org/2000/svg";
    const drawing = document.createElementNS(space, "svg");
    drawing.setAttribute("viewBox", "0 0 24 24");
    drawing.setAttribute("aria-hidden", "true");
    const outline = document.createElementNS(space, "path");
    outline.setAttribute("d", "M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-9l-6 5v-5H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z");
    outline.setAttribute("fill", "currentColor");
    drawing.append(outline);
    return drawing;
  }

  function build() {
    if (document.getElementById(ID)) return;
    const host = document.createElement("div");
    host.id = ID;
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // allowed by policies that forbid inline styles
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const frame = document.createElement("iframe");
    frame.title = looks.title;
    const button = document.createElement("button");
    button.type = "button";
    button.append(icon());

    function show(isOpen) {
      if (isOpen && !frame.hasAttribute("src")) frame.src = `${home}#${encodeURIComponent(visitorToken())}`;
      frame.classList.toggle("is-open", isOpen);
      button.setAttribute("aria-expanded", String(isOpen));
      button.setAttribute("aria-label", `${isOpen ? "Close" : "Open"} the chat: ${looks.title}`);
      if (isOpen) {
        delete button.dataset.news;
        frame.focus();
      }
    }

    button.onclick = () => show(!frame.classList.contains("is-open"));
    window.addEventListener("message", (event) => {
      if (event.source !== frame.contentWindow || event.origin !== home.origin) return;
      const isOpen = frame.classList.contains("is-open");
      if (event.data === "dialogue-gym: close") {
        show(false);
        button.focus();
      } else if (event.data === "dialogue-gym: news" && !isOpen) button.dataset.news = "";
      else if (String(event.data).startsWith(TOKEN)) keepToken(event.data.slice(TOKEN.length));
    });
    root.append(frame, button);
    show(false);
    document.body.append(host);
  }

  if (document.body) build();
  else document.addEventListener("DOMContentLoaded", build);
})();
