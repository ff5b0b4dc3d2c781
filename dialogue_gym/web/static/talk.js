"use strict";
const [chat, how, state, form, text] = ["chat", "how", "state", "form", "text"].map((id) => document.getElementById(id));

async function ask(path, given) {
  const options = given && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(given),
  };
  const response = await fetch(path, options);
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw new Error(answer.detail || "this did not work");
  return answer;
}

function show({ who, text }) {
  document.getElementById("empty")?.remove();
  const line = document.createElement("li");
  line.className = who;
  line.dir = "auto";
  line.textContent = text;
  chat.append(line);
  line.scrollIntoView({ block: "end" });
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

form.onsubmit = async (event) => {
  event.preventDefault();
  const said = text.value.trim();
  if (!said || form.dataset.waits) return;
  form.dataset.waits = "yes";
  state.textContent = "";
  try {
    const answer = await ask("say", { text: said });
    text.value = "";
    show({ who: "you", text: said });
    answer.messages.forEach(show);
    if (answer.messages.some((message) => message.who === "bot")) addThumbs(answer.about);
    showEnd(answer.ended);
  } catch (error) {
    state.textContent = `Not sent: ${error.message}. Your message is still in the field.`;
  }
  delete form.dataset.waits;
  text.focus();
};

ask("state").then((known) => {
  known.messages.forEach(show);
  showEnd(known.ended);
}, () => { state.textContent = "The bot cannot be reached at the moment."; });
