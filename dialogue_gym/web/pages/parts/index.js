// Components and functions that the pages share.

export { default as Chat } from "./chat.js";
export { default as MessageEditor } from "./message_editor.js";
export { default as Options } from "./options.js";
export { default as connection } from "./connection.js";
export { keep, kept } from "./session_storage.js";
export { percent } from "./percent.js";

export function isTyping(target) {
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
