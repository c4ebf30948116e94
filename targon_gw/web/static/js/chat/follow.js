/**
 * Whether the end is followed while an answer grows. Decided by what the reader did last: who scrolls up is left in
 * peace until they are back at the end.
 */

/** Pixels from the end that still count as being there: a line's height, more than any rounding. */
export const NEAR = 32;

/** Pixels below what is seen. */
export function below({ top, height, view }) {
  return Math.max(0, height - view - top);
}

/**
 * Whether to follow from now on. `was`: whether so far; `before` and `now`: `{top, height, view}` of the scrolled box at
 * the last look and at this one. Growth alone changes nothing; a move up ends it; being at the end begins it.
 */
export function follows(was, before, now) {
  if (below(now) <= NEAR && now.top >= before.top) return true;
  const shrunk = now.height < before.height || now.view > before.view;
  // What shrinks pushes the top up by itself: no reader did that.
  if (now.top < before.top && !shrunk) return below(now) <= 1;
  return was;
}
