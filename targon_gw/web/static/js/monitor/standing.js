// How the gateway is, out of GET /api/overview: a word, and the reason for it where one is to be told.

export const OUT = ["cooling", "exhausted", "barred", "disabled"];

// {status, reasons}: each reason is [word, values] for words.t. What the operator hides is not there, and not guessed.
export function standingOf(overview) {
  const { keys, usable } = overview.counters ?? {};
  const out = OUT.map((state) => [state, overview.out?.[state] ?? 0]).filter(([, n]) => n > 0);
  const told = keys === undefined ? out.map(([state, n]) => [`reason_${state}`, { n }]) : reasonsOf(keys, usable, out);
  if (overview.status === "down" && usable > 0) told.push(["reason_draining", {}]);
  return { status: overview.status, reasons: told };
}

function reasonsOf(keys, usable, out) {
  if (keys === 0) return [["reason_no_keys", {}]];
  if (usable === keys) return [["reason_all_usable", { n: keys }]];
  const whole = out.find(([, n]) => n === keys);
  if (whole) return [[`reason_${whole[0]}_all`, { n: keys }]];
  const parts = out.map(([state, n]) => [`reason_${state}_of`, { n, keys }]);
  return usable === 0 ? [["reason_none_usable", { n: keys }], ...parts] : parts;
}
