/* A key as it may be seen: enough of it to know it by, too little to use it. */

import { NO_KEY } from "./snippets.js";

/** `key` with its middle left out; what is too short to leave anything of is left out whole. */
export function masked(key) {
  if (key === NO_KEY) return key;
  const shown = key.startsWith("sk-tg-") ? 6 : 3;
  return key.length < shown + 9 ? "…" : `${key.slice(0, shown)}…${key.slice(-3)}`;
}

/** What was pasted, as a key: without blanks around it and without the word that stands before it in a header. */
export function pasted(text) {
  return text.trim().replace(/^(?:authorization:\s*)?bearer\s+/i, "").replace(/^["']|["']$/g, "");
}
