"use strict";
const [chat, state, form, text, leave, closing] = ["chat", "state", "form", "text", "leave", "close"].map((id) => document.getElementById(id));
const PAUSE = 2000;
const QUIET_PAUSE = 30000;
const CONFIRM_SECONDS = 4;
const [ATTEMPTS, LONGEST_WAIT] = [6, 10];
const RESTARTS = "The bot is not available at the moment. Trying again…";
const WAITS = { person: "A colleague is taking a look and will reply here.", bot: "One moment, please." };
const [AGAIN, SURE] = ["Start again", "Really start again?"];
const isFramed = window.parent !== window;
let seen = { conversation: "", seen: 0 };
let waits = null; // "bot" or "person", whoever answers next
let waiting;
let unsent = { text: "", key: "" }; // a message that may have arrived, and its key, with which it is answered once

// In a frame of another site there are neither cookies nor, in many browsers, storage: the widget keeps the
// visitor's token at its own site and passes it in the fragment. The server signs one for a new visitor, which
// lasts as long as the page where the widget cannot keep it.
let headers = null;
async function visitorHeaders() {
  if (!isFramed) return {};
  const { token } = await request("visitor", { token: decodeURIComponent(location.hash.slice(1)) }, {});
  window.parent.postMessage(`dialogue-gym: visitor ${token}`, "*");
  return { "x-visitor": token };
}

async function ask(path, given) {
  headers ??= visitorHeaders().catch((error) => {
    headers = null;
    throw error;
  });
  return request(path, given, await headers);
}

async function request(path, given, headers) {
  const options = given && {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(given),
  };
  const response = await fetch(path, options || { headers });
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) {
    const wait = Number(response.headers.get("retry-after"));
    throw Object.assign(new Error(answer.detail || "Something went wrong."), { status: response.status, wait });
  }
  return answer;
}

// Scrolls the chat alone: scrolling to an element would move the page around a frame, too.
function showLast() {
  chat.scrollTop = chat.scrollHeight;
}

function add(kind, written = "") {
  document.getElementById("empty")?.remove();
  const line = document.createElement("li");
  line.className = kind;
  line.dir = "auto";
  line.textContent = written;
  chat.append(line);
  showLast();
  return line;
}

function show(message, conversation) {
  const { text, image, buttons } = message;
  if (text || image) {
    const line = add(message.who, text);
    if (image) line.append(Object.assign(document.createElement("img"), { src: image, alt: "", onload: showLast }));
  }
  if (buttons) showButtons(buttons);
  if (message.who === "bot" && message.about !== null) showThumbs(message, conversation);
}

// The buttons of a message: each sends its payload and shows its title, or opens an address.
function showButtons(buttons) {
  const line = add("choices");
  for (const { title, payload } of buttons) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.onclick = () => (/^https?:/.test(payload) ? window.open(payload, "_blank", "noopener") : send(payload, title));
    line.append(button);
  }
  showLast();
}

// A drawing of a thumb, up or down; some systems have no such letters.
function drawThumb(value) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", "M3.5 10.5h3.5v9.5H3.5zM9.5 20h7.6a2 2 0 0 0 2-1.6l1.3-6a2 2 0 0 0-2-2.4h-4.6l.7-4.5a2 2 0 0 0-2-2.3L9.5 10z");
  if (value < 0) path.setAttribute("transform", "translate(0 24) scale(1 -1)");
  drawing.append(path);
  return drawing;
}

// A pair of thumbs, each pressed if it is the visitor's rating so far.
function addThumbs(place, rating, names, given) {
  const buttons = [1, -1].map((value, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "thumb";
    button.append(drawThumb(value));
    button.setAttribute("aria-label", names[index]);
    button.title = names[index];
    button.setAttribute("aria-pressed", String(rating === value));
    button.onclick = () => rate({ ...given, value }, button, buttons);
    return button;
  });
  place.append(...buttons);
}

async function rate(given, pressed, buttons) {
  try {
    await ask("rate", given);
    buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === pressed)));
    state.textContent = "Thank you.";
  } catch (error) {
    const isGone = error.status === 404;
    if (isGone) buttons.forEach((one) => (one.disabled = true));
    state.textContent = isGone ? "This can no longer be rated." : error.message;
  }
}

// The thumbs of a decision stand below the last of its messages.
function showThumbs({ about, rating }, conversation) {
  const known = chat.querySelector(`.thumbs[data-about="${about}"]`);
  if (known) return chat.append(known);
  const line = add("thumbs");
  line.dataset.about = about;
  addThumbs(line, rating, ["Good answer", "Bad answer"], { about, conversation });
  showLast();
}

function showEnd({ conversation, cut_off, rating }) {
  if ([...chat.querySelectorAll(".end")].some((line) => line.dataset.conversation === conversation)) return;
  const line = add("end");
  line.dataset.conversation = conversation;
  const said = document.createElement("p");
  said.textContent = `This conversation has ended${cut_off ? ", as nothing was written for a while" : ""}. How was it?`;
  const again = document.createElement("button");
  again.type = "button";
  again.className = "plain again";
  again.textContent = AGAIN;
  again.onclick = () => {
    again.remove();
    add("note", "Say hello to start.").id = "empty";
    text.focus();
  };
  line.append(said);
  addThumbs(line, rating, ["Good", "Bad"], { conversation });
  line.append(document.createElement("br"), again);
  showLast();
}

function showPart(part) {
  part.messages.forEach((message) => show(message, part.conversation));
  if (part.ended) showEnd(part);
}

function setTyping(isOn) {
  chat.querySelector(".typing")?.remove();
  if (!isOn) return;
  const line = add("typing");
  line.setAttribute("aria-hidden", "true");
  line.append(...[1, 2, 3].map(() => document.createElement("i")));
  showLast();
}

// Show the messages that this page lacks: the reply to a message, and those that a teacher sends later.
function take(news) {
  setTyping(false);
  seen = { conversation: news.conversation, seen: news.seen };
  if (news.before) showPart(news.before);
  showPart(news);
  // A conversation that was ended by another one needs no button to begin anew.
  chat.querySelectorAll(".again").forEach((button) => button.closest(".end").nextElementSibling && button.remove());
  leave.hidden = news.ended || !news.seen;
  waits = news.waits;
  setTyping(waits === "bot");
  state.textContent = waits ? WAITS[waits] : "";
  if (isFramed && news.messages.some((message) => message.who === "bot")) window.parent.postMessage("dialogue-gym: news", "*");
  clearTimeout(waiting);
  if (waits) waiting = setTimeout(look, PAUSE);
  else if (news.conversation && !news.ended) waiting = setTimeout(look, QUIET_PAUSE);
}

async function look() {
  const before = seen;
  try {
    const news = document.hidden && !waits ? null : await ask(`state?${new URLSearchParams(before)}`);
    // A message that is being sent meanwhile returns all news itself.
    if (news && before === seen && !form.dataset.waits) take(news);
    else waiting = setTimeout(look, PAUSE);
  } catch {
    waiting = setTimeout(look, 5 * PAUSE);
  }
}

// Says a message, again while the server restarts or its store is out of reach.
async function say(written) {
  if (unsent.text !== written) {
    const key = [...crypto.getRandomValues(new Uint32Array(4))].join("-");
    unsent = { text: written, key };
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      const news = await ask("say", { text: written, key: unsent.key, ...seen });
      unsent = { text: "", key: "" };
      return news;
    } catch (error) {
      const isAway = (error.status ?? 503) >= 502 && !(error.wait > LONGEST_WAIT);
      if (!isAway || attempt === ATTEMPTS) throw error;
    }
    state.textContent = RESTARTS;
    await new Promise((goOn) => setTimeout(goOn, PAUSE));
  }
}

// Sends a message: the text of the box, or the payload of a button, which is shown as its title.
async function send(written, title) {
  if (!written || form.dataset.waits) return;
  form.dataset.waits = "yes";
  state.textContent = "";
  if (!title) text.value = "";
  const sending = add("sending", title ?? written);
  setTyping(true);
  let news = null;
  let fault = "";
  try {
    news = await say(written);
  } catch (error) {
    fault = error.message.replace(/\.$/, "");
    // The message may have arrived, and only its reply be lost.
    const known = await ask(`state?${new URLSearchParams(seen)}`).catch(() => null);
    if (known?.messages.some((message) => message.who === "you" && message.text === (title ?? written))) {
      news = known;
      unsent = { text: "", key: "" };
    }
  }
  sending.remove();
  setTyping(false);
  if (news) take(news);
  else {
    state.textContent = `Not sent: ${fault}.${title ? "" : " Your message is still in the box."}`;
    if (!title) text.value = text.value || written;
  }
  delete form.dataset.waits;
  text.focus();
}

form.onsubmit = (event) => {
  event.preventDefault();
  send(text.value.trim());
};
// Until here the browser itself would send the form, and leave the conversation.
document.getElementById("send").disabled = false;

function askLeave(isSure) {
  clearTimeout(askLeave.forgetting);
  leave.textContent = isSure ? SURE : AGAIN;
  if (isSure) askLeave.forgetting = setTimeout(() => askLeave(false), 1000 * CONFIRM_SECONDS);
}

leave.onclick = async () => {
  if (form.dataset.waits) return;
  if (leave.textContent !== SURE) return askLeave(true);
  try {
    take(await ask("leave", seen));
    askLeave(false);
  } catch (error) {
    state.textContent = error.message;
  }
  text.focus();
};

if (isFramed) {
  const close = () => window.parent.postMessage("dialogue-gym: close", "*");
  closing.hidden = false;
  closing.onclick = close;
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  window.addEventListener("focus", () => text.focus());
  if (document.hasFocus()) text.focus();
}

ask("state").then((known) => {
  take(known);
}, () => { state.textContent = "The bot is not available at the moment."; });
