// Components and functions that the pages share.

export { default as Chat } from "./chat.js";
export { default as MessageEditor } from "./message_editor.js";
export { default as Options } from "./options.js";
export { default as connection } from "./connection.js";
export { default as Name } from "./name.js";
export { keep, kept, prefer, preferred } from "./session_storage.js";
export { percent } from "./percent.js";

export function isTyping(target) {
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

// Return the key of a shortcut, also with Alt, by which some systems type other characters.
export function shortcutKey(event) {
  if (!event.altKey) return event.key;
  const [, letter, digit] = event.code.match(/^Key([A-Z])$|^Digit([0-9])$/) || [];
  return letter?.toLowerCase() || digit || (event.code === "Slash" ? (event.shiftKey ? "?" : "/") : event.key);
}
