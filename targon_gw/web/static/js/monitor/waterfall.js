// The attempts of one call as bars on one line of time, out of GET /api/admin/calls/{id}.
//
// What the server knows is drawn where it was; where it knows only how long a thing took, the bar stands right behind
// the one before it and is marked as placed so.

const FINEST = 0.001; // seconds between two marks on the line

// {total, bars, ticks}; times are seconds from the call's beginning. A bar: {number, kind: "failed" | "served", key,
// upstream, account, status, reason, from, first (of what served), to, placed}.
export function laid(call) {
  const failed = call.failed_attempts ?? [];
  const bars = failed.map((one, index) => failedBar(one, index));
  let behind = 0;
  for (const bar of bars) {
    if (bar.from === null) Object.assign(bar, { from: behind, to: behind + bar.took, placed: true });
    behind = Math.max(behind, bar.to);
  }
  if (call.key) bars.push(servingBar(call, bars.length, behind));
  const total = Math.max(call.took ?? 0, behind, 0.001);
  return { total, bars, ticks: ticks(total) };
}

function failedBar(one, index) {
  const { key, upstream, account, status, note } = one;
  const took = one.took ?? 0;
  const from = one.from ?? null;
  return {
    number: index + 1, kind: "failed", key, upstream, account, status: status ?? null, reason: note ?? null, took, from,
    to: from === null ? null : from + took, first: null, placed: false,
  };
}

// What was served began when the last failure was over: its end is the call's own.
function servingBar(call, before, behind) {
  const { key, upstream, account, status, first } = call;
  const to = Math.max(call.took ?? 0, behind);
  // A rescued stream had its first event before the cut.
  const began = first === undefined || first >= behind;
  return {
    number: before + 1, kind: "served", key, upstream, account, status: status ?? null, reason: call.note ?? null,
    from: behind, to, took: to - behind, first: began ? first ?? null : null, placed: false,
  };
}

// A few round moments from 0 to below the end: 0, 1, 2, 3 s; no nearer to one another than times are told, which is in
// milliseconds.
export function ticks(total) {
  const power = 10 ** Math.floor(Math.log10(total));
  const step = [0.2, 0.5, 1, 2, 5].map((each) => each * power).find((each) => each >= FINEST && total / each <= 5) ?? FINEST;
  const found = [];
  for (let at = 0; at <= total * 0.98; at += step) found.push(Number(at.toPrecision(6)));
  return found;
}

// Where a bar stands, in hundredths of the whole; nothing is narrower than can be seen.
export function placeOf(bar, total, narrowest = 0.6) {
  const left = Math.min(100 - narrowest, (bar.from / total) * 100);
  const width = Math.max(narrowest, Math.min(100 - left, ((bar.to - bar.from) / total) * 100));
  const first = bar.first === null ? null : Math.min(width, Math.max(0, ((bar.first - bar.from) / total) * 100));
  return { left, width, first };
}
