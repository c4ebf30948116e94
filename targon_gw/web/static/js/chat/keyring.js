/** The reader's own key: asked for when it is needed first, and held in memory alone. It must never be stored. */

import { get, post } from "../api.js";

let held = null;

/** The key of whoever is signed in. Throws ApiError. */
export function ownKey() {
  held ??= get("/api/me/key").then(({ key }) => key);
  held.catch(() => forgetKey());
  return held;
}

/** Ask for it anew the next time: it is another one now. */
export function forgetKey() {
  held = null;
}

/** Have a new one made; the old one ends at once. */
export async function rotateKey() {
  const { key, masked } = await post("/api/me/key/rotate");
  held = Promise.resolve(key);
  return { key, masked };
}
