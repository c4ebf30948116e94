/** Small things that this browser remembers: drafts, the model chosen last. Never a key. Forgets where it must. */

const PREFIX = "tg-chat:";

export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null; // private windows: nothing is remembered
  }
}

/** Remember `text` as `name`; nothing where it is empty or null. */
export function remember(name, text) {
  try {
    if (text) localStorage.setItem(PREFIX + name, text);
    else localStorage.removeItem(PREFIX + name);
  } catch {
    // full or private: a draft less
  }
}
