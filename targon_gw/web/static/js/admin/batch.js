// An import as the page has it: rows by what they are, tests as they come in by turns, and what would be taken.

export const WHICH = ["ok", "ok_and_throttled", "all"];
export const RESULTS = ["ok", "throttled", "exhausted", "rejected", "failed", "untried"];

// How many keys `which` takes, out of the counts that the server tells.
export function taken(counts, which) {
  if (which === "ok") return counts.ok;
  if (which === "ok_and_throttled") return counts.ok + counts.throttled;
  return counts.new;
}

// How many have been tested, and which share that is.
export function tested(counts) {
  const done = counts.new - counts.untried;
  return { done, all: counts.new, share: counts.new ? done / counts.new : 0 };
}

// What to take where nobody has said otherwise: what is well, and what will be; without a test, all of it.
export function usual(counts) {
  if (counts.untried === counts.new) return "all";
  return counts.throttled ? "ok_and_throttled" : "ok";
}

// Numbers of lines, the first of them, and how many more there are.
export function named(values, most = 8) {
  const each = [...new Set(values)];
  return { shown: each.slice(0, most), more: Math.max(0, each.length - most) };
}

// The rows of a preview that are to be seen: `what` is a verdict, "duplicate" for both kinds of it, "" for all.
export function rowsOf(rows, what) {
  if (what === "") return rows;
  if (what === "duplicate") return rows.filter((row) => row.verdict === "twice" || row.verdict === "known");
  return rows.filter((row) => row.verdict === what);
}

// The number that the server wants confirmed, or null.
export function toConfirm(message) {
  const found = /'confirm_removal: (\d+)'/.exec(message ?? "");
  return found ? Number(found[1]) : null;
}

// A batch under way: what the server tells of it is put together, however little comes at a time.
export class Batch {
  #rows = new Map();

  constructor(told) {
    this.turn = 0;
    this.take(told);
  }

  take(told) {
    this.id = told.batch;
    this.upstream = told.upstream;
    this.state = told.state;
    this.counts = told.counts;
    this.problem = told.problem;
    this.written = told.written;
    this.turn = Math.max(this.turn, told.turn);
    for (const row of told.rows) this.#rows.set(row.id, row);
  }

  // All rows, those that came out badly first, then in the order of their lines.
  rows(result = "") {
    const order = ["rejected", "exhausted", "failed", "throttled", "ok", "untried"];
    const wanted = [...this.#rows.values()].filter((row) => result === "" || row.result === result);
    return wanted.sort((a, b) => order.indexOf(a.result) - order.indexOf(b.result) || a.line - b.line);
  }
}
