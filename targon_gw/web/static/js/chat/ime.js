/**
 * Whether a key sends, or belongs to an input method. Chromium and Firefox say `isComposing` on the Enter that takes a
 * candidate; older ones only keyCode 229; Safari ends the composition first and then reports the Enter.
 */

/** Milliseconds after the end of a composition in which an Enter still belongs to it. */
export const GRACE = 60;

/** Whether the keydown `event` sends. `composed`: when a composition last ended, by the clock of `event.timeStamp`. */
export function sends(event, composed = -Infinity) {
  if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return false;
  return !composes(event, composed);
}

/** Whether the keydown `event` belongs to an input method. */
export function composes(event, composed = -Infinity) {
  return event.isComposing || event.keyCode === 229 || event.timeStamp - composed < GRACE;
}
