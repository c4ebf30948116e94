/** Loops like those of property tests: the same draws every time, and each failure names its own. */

/** Numbers between 0 and 1, the same for the same seed (mulberry32). */
export function draws(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Run `check(draw)` for `times` seeds; a failure says with which. */
export function forAll(times, check) {
  for (let seed = 1; seed <= times; seed += 1) {
    try {
      check(draws(seed));
    } catch (error) {
      error.message = `seed ${seed}: ${error.message}`;
      throw error;
    }
  }
}

/** One of `choices`. */
export function oneOf(draw, choices) {
  return choices[Math.floor(draw() * choices.length)];
}

/** `whole`, a text or bytes, cut into pieces of 0 to `most`. */
export function split(draw, whole, most = 7) {
  const pieces = [];
  for (let at = 0; at < whole.length; ) {
    const size = Math.floor(draw() * (most + 1));
    pieces.push(whole.slice(at, at + size));
    at += size;
  }
  return pieces;
}
