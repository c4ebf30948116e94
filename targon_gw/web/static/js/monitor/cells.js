// The last hour of a model as 60 cells, one a minute.

export const CELLS = 60;

// How a minute went: none (no call), ok, some (a few failed) or bad (half of them or more).
export function levelOf(calls, failed) {
  if (!calls) return "none";
  if (!failed) return "ok";
  return failed * 2 >= calls ? "bad" : "some";
}

// 60 cells, oldest first, ending at the newest that was told: [unix, calls, failed] each; who has none yet has no calls.
export function cellsOf(told, now) {
  const minute = (unix) => Math.floor(unix / 60) * 60;
  const known = new Map((told ?? []).map(([at, calls, failed]) => [minute(at), [calls, failed]]));
  const last = Math.max(minute(now), ...known.keys());
  const cells = [];
  for (let at = last - (CELLS - 1) * 60; at <= last; at += 60) cells.push([at, ...(known.get(at) ?? [0, 0])]);
  return cells;
}

// The next cell for a key that is pressed on the strip; null for any other key.
export function moved(index, key, many = CELLS) {
  const from = index ?? many;
  const to = { ArrowLeft: from - 1, ArrowRight: (index ?? -1) + 1, Home: 0, End: many - 1 }[key];
  return to === undefined ? null : Math.min(many - 1, Math.max(0, to));
}
