// The vendors' keys as rows, what they did today, and the accounts that they belong to.

import { matches, sorted } from "./order.js";

export const STATES = ["usable", "cooling", "exhausted", "barred", "disabled", "draining"];

// What each key has done today (the ledger's day, UTC): the server's sums, and what the feed told since.
export class Today {
  #sums = new Map();
  #since = 0; // rows up to then are in the server's sums
  day = null;

  // The rows of GET /api/admin/usage?by=key&since=DAY, as the server had them at `at`, Unix seconds.
  read(rows, at) {
    this.day = dayOf(at);
    this.#since = at;
    this.#sums = new Map(
      rows.map((row) => [
        row.name,
        {
          calls: row.calls,
          errors: (row.failed ?? 0) + (row.truncated ?? 0) + (row.attempts_failed ?? 0),
          tokens: (row.prompt ?? 0) + (row.completion ?? 0),
        },
      ]),
    );
  }

  // A row of the feed. Nothing counts before the sums are read, nor twice.
  add(row) {
    if (!row.key || this.day === null || row.at <= this.#since) return;
    if (dayOf(row.at) > this.day) {
      this.#sums.clear();
      this.day = dayOf(row.at);
    }
    const sum = this.#sums.get(row.key) ?? { calls: 0, errors: 0, tokens: 0 };
    if (row.kind === "attempt") sum.errors += 1;
    else {
      sum.calls += 1;
      sum.errors += row.ending === "failed" || row.ending === "truncated" ? 1 : 0;
      sum.tokens += (row.prompt ?? 0) + (row.completion ?? 0);
    }
    this.#sums.set(row.key, sum);
  }

  // {calls, errors, tokens}; null where the sums are not read yet.
  of(key) {
    if (this.day === null) return null;
    return this.#sums.get(key) ?? { calls: 0, errors: 0, tokens: 0 };
  }

  get size() {
    return this.#sums.size;
  }
}

export function dayOf(unix) {
  return new Date(unix * 1000).toISOString().slice(0, 10);
}

// The keys after an event of the stream: all of them, or those that have changed (`part`) without those that are `gone`.
export function keysAfter(keys, told) {
  if (!told.part) return told.keys;
  const name = (key) => `${key.upstream}\n${key.id}`;
  const found = new Map(keys.map((key) => [name(key), key]));
  for (const key of told.keys) found.set(name(key), key);
  for (const key of told.gone ?? []) found.delete(name(key));
  return [...found.values()];
}

// A whole row for each key: what the server tells of it, and its day.
export function keyRows(keys, today) {
  return keys.map((key) => ({ ...key, today: today.of(key.id) }));
}

const VALUES = {
  state: (row) => STATES.indexOf(row.state),
  key: (row) => row.id,
  why: (row) => row.why,
  until: (row) => row.until,
  in_flight: (row) => row.in_flight,
  calls: (row) => row.today?.calls,
  errors: (row) => row.today?.errors,
  tokens: (row) => row.today?.tokens,
};
export const COLUMNS = Object.keys(VALUES);

// The rows of that state (all where it is empty) in which the text is found, in that order.
export function keysShown(rows, { state, text }, order) {
  const found = rows.filter(
    (row) =>
      (!state || row.state === state) &&
      (!text || matches(text, [row.id, row.account, row.upstream, row.state, row.health, row.why, row.note])),
  );
  return sorted(found, VALUES[order.column], order.way);
}

// The vendor's accounts: how many of its keys are in which state, and the best of these: an account serves as long as
// one of its keys does.
export function accountsOf(rows) {
  const accounts = new Map();
  for (const row of rows) {
    const name = `${row.upstream}\n${row.account}`;
    const found = accounts.get(name) ?? {
      account: row.account, upstream: row.upstream, keys: 0, states: {}, in_flight: 0, tokens: null, models_out: [],
      until: null, why: null,
    };
    accounts.set(name, found);
    found.keys += 1;
    found.states[row.state] = (found.states[row.state] ?? 0) + 1;
    found.in_flight += row.in_flight;
    if (row.today) found.tokens = (found.tokens ?? 0) + row.today.tokens;
    found.models_out = [...new Set([...found.models_out, ...(row.models_out ?? [])])].sort();
    if (row.state !== "usable") {
      found.why ??= row.why;
      if (row.until !== null) found.until = Math.min(found.until ?? Infinity, row.until);
    }
  }
  return [...accounts.values()].map((found) => {
    const state = STATES.find((each) => found.states[each]);
    return { ...found, state, usable: found.states.usable ?? 0 };
  });
}
