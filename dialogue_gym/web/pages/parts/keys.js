// Keys as the pages read them.

export function isTyping(target) {
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

// Return the key of a shortcut, also with Alt, by which some systems type other characters.
export function shortcutKey(event) {
  if (!event.altKey) return event.key;
  const [, letter, digit] = event.code.match(/^Key([A-Z])$|^Digit([0-9])$/) || [];
  return letter?.toLowerCase() || digit || (event.code === "Slash" ? (event.shiftKey ? "?" : "/") : event.key);
}
