// Components and functions that the pages share.

export { default as Chat } from "./chat.js";
export { default as Guide } from "./guide.js";
export { default as Help } from "./help.js";
export { default as Knowledge } from "./knowledge.js";
export { default as Lesson } from "./lesson.js";
export { default as MessageEditor } from "./message_editor.js";
export { default as Options } from "./options.js";
export { default as Settings } from "./settings.js";
export { default as connection } from "./connection.js";
export { default as Name } from "./name.js";
export { keep, kept, prefer, preferred } from "./session_storage.js";
export { percent } from "./percent.js";
export { isTyping, shortcutKey } from "./keys.js";
