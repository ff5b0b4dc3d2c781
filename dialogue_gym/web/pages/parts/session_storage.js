// The state of a tab that survives a reload, and preferences that survive the tab.

const KEPT = "dialogue-gym";

export function kept(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`${KEPT}.${name}`));
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    sessionStorage.setItem(`${KEPT}.${name}`, JSON.stringify(value));
  } catch {
    // Without storage a reload forgets what was being typed, and nothing else.
  }
}

export function preferred(name) {
  try {
    return localStorage.getItem(`${KEPT}.${name}`);
  } catch {
    return null;
  }
}

export function prefer(name, value) {
  try {
    localStorage.setItem(`${KEPT}.${name}`, value);
  } catch {
    // Without storage the next visit begins with the usual setting.
  }
}
