"use strict";
const [chat, how, state, form, text] = ["chat", "how", "state", "form", "text"].map((id) => document.getElementById(id));
const PAUSE = 2000;
const WAITS = { person: "A colleague is taking a look and will reply here.", bot: "One moment, please." };
let seen = { conversation: "", seen: 0 };
let waiting;

async function ask(path, given) {
  const options = given && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(given),
  };
  const response = await fetch(path, options);
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw new Error(answer.detail || "Something went wrong.");
  return answer;
}

function show({ who, text, image, buttons }) {
  document.getElementById("empty")?.remove();
  const line = document.createElement("li");
  line.className = who;
  line.dir = "auto";
  line.textContent = text;
  if (image) line.append(Object.assign(document.createElement("img"), { src: image, alt: "" }));
  if (text || image) chat.append(line);
  if (buttons) chat.append(choices(buttons));
  chat.lastElementChild.scrollIntoView({ block: "end" });
}

// The buttons of a message: each sends its payload as if it were typed, or opens its address.
function choices(buttons) {
  const line = document.createElement("li");
  line.className = "choices";
  for (const { title, payload } of buttons) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.onclick = () => (/^https?:/.test(payload) ? window.open(payload, "_blank", "noopener") : send(payload));
    line.append(button);
  }
  return line;
}

function offerThumbs(place, about) {
  const buttons = [...place.querySelectorAll("button")];
  for (const button of buttons) {
    button.onclick = async () => {
      try {
        await ask("rate", { value: Number(button.dataset.value), about });
        buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
        state.textContent = "Thank you.";
      } catch (error) {
        state.textContent = String(error.message);
      }
    };
  }
}

function addThumbs(about) {
  const line = document.createElement("li");
  line.className = "thumbs";
  for (const [value, sign, name] of [[1, "👍", "Good answer"], [-1, "👎", "Bad answer"]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.value = value;
    button.textContent = sign;
    button.setAttribute("aria-label", name);
    line.append(button);
  }
  chat.append(line);
  offerThumbs(line, about);
  line.scrollIntoView({ block: "end" });
}

function showEnd(ended) {
  how.hidden = !ended;
  how.querySelectorAll("button").forEach((one) => one.removeAttribute("aria-pressed"));
  if (ended) offerThumbs(how, null);
}

// Show the messages that this page lacks: the reply to a message, and those that a teacher sends later.
function take(news) {
  seen = { conversation: news.conversation, seen: news.seen };
  news.messages.forEach(show);
  if (news.messages.some((message) => message.who === "bot")) addThumbs(news.about);
  showEnd(news.ended);
  clearTimeout(waiting);
  state.textContent = news.waits ? WAITS[news.waits] : "";
  if (news.waits) waiting = setTimeout(look, PAUSE);
}

async function look() {
  const before = seen;
  try {
    const news = await ask(`state?${new URLSearchParams(before)}`);
    // A message that is being sent meanwhile returns all news itself.
    if (before === seen && !form.dataset.waits) take(news);
    else waiting = setTimeout(look, PAUSE);
  } catch {
    waiting = setTimeout(look, 5 * PAUSE);
  }
}

form.onsubmit = (event) => {
  event.preventDefault();
  send(text.value.trim());
};

async function send(written) {
  if (!written || form.dataset.waits) return;
  const isTyped = written === text.value.trim();
  form.dataset.waits = "yes";
  state.textContent = "";
  try {
    const news = await ask("say", { text: written, ...seen });
    if (isTyped) text.value = "";
    take(news);
  } catch (error) {
    // The message may have arrived, and only its reply be lost.
    const news = await ask(`state?${new URLSearchParams(seen)}`).catch(() => null);
    if (isTyped && news?.messages.some((message) => message.who === "you" && message.text === written)) {
      text.value = "";
      take(news);
    } else {
      const left = isTyped ? " Your message is still in the box." : "";
      state.textContent = `Not sent: ${error.message.replace(/\.$/, "")}.${left}`;
    }
  }
  delete form.dataset.waits;
  text.focus();
}

ask("state").then((known) => {
  known.messages.forEach(show);
  take({ ...known, messages: [] });
}, () => { state.textContent = "The bot is not available at the moment."; });
