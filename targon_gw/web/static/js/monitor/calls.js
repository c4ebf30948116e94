// The calls as they happen: the newest 200 and no more, each with the attempts that failed before it.

import { matches } from "./order.js";

export const KEPT = 200;
export const CLASSES = ["2xx", "4xx", "429", "5xx", "left", "cut"];

// The class that a call is filtered by: of how it ended for the client.
export function classOf(call) {
  if (call.ending === "truncated") return "cut";
  if (call.ending === "abandoned" || !call.status) return "left";
  if (call.status === 429) return "429";
  return `${String(call.status)[0]}xx`;
}

// A word for colours and icons: ok, warn or bad.
export function toneOf(call) {
  if (call.ending === "served") return "ok";
  return call.ending === "abandoned" || (call.status >= 400 && call.status < 500) ? "warn" : "bad";
}

export class CallLog {
  #calls = []; // newest first
  #attempts = new Map(); // the id of a call that has not ended yet, and its failed attempts
  #known = new Set();

  // A row of the feed: a call that has ended, or an attempt that failed. Whether what is shown has changed.
  add(row) {
    if (row.kind === "attempt") return this.#attempted(row);
    if (row.kind !== "call" || this.#known.has(row.id)) return false;
    const failed = this.#attempts.get(row.id) ?? [];
    this.#attempts.delete(row.id);
    this.#known.add(row.id);
    let place = 0;
    while (place < this.#calls.length && this.#calls[place].at > row.at) place += 1;
    this.#calls.splice(place, 0, { ...row, failed });
    for (const gone of this.#calls.splice(KEPT)) this.#known.delete(gone.id);
    return true;
  }

  #attempted(row) {
    const call = this.#known.has(row.id) ? this.#calls.find(({ id }) => id === row.id) : undefined;
    if (call) {
      call.failed.push(row);
      return true;
    }
    const failed = this.#attempts.get(row.id) ?? [];
    this.#attempts.set(row.id, [...failed, row].slice(-20));
    // Of a call that never ends here, the attempts must not stay for ever.
    while (this.#attempts.size > KEPT) this.#attempts.delete(this.#attempts.keys().next().value);
    return false;
  }

  get size() {
    return this.#calls.length;
  }

  // How many rows of any sort are held.
  get held() {
    let many = this.#calls.length + this.#attempts.size;
    for (const failed of this.#attempts.values()) many += failed.length;
    return many;
  }

  clear() {
    this.#calls = [];
    this.#attempts.clear();
    this.#known.clear();
  }

  // The calls, newest first.
  get calls() {
    return this.#calls;
  }

  // The names that there are to choose from, in order.
  names(member) {
    return [...new Set(this.#calls.map((call) => call[member]).filter(Boolean))].sort();
  }
}

// The calls that `wanted` = {status, client, model, text} asks for; an empty member asks for all.
export function wantedOf(calls, wanted) {
  return calls.filter(
    (call) =>
      (!wanted.status || (wanted.status === "tried" ? triesOf(call) > 1 : classOf(call) === wanted.status)) &&
      (!wanted.client || call.client === wanted.client) &&
      (!wanted.model || call.model === wanted.model) &&
      (!wanted.text || matches(wanted.text, textsOf(call))),
  );
}

function textsOf(call) {
  const failed = call.failed.flatMap((one) => [one.key, one.upstream, one.status, one.note]);
  const { id, client, model, served, upstream, account, key, status, ending, reference, note } = call;
  return [id, client, model, served, upstream, account, key, status, ending, reference, note, ...failed];
}

// How many attempts it took.
export function triesOf(call) {
  return Math.max(call.attempts ?? 0, call.failed.length);
}

// All tokens of a call, or null where nobody counted any.
export function tokensOf(call) {
  return call.source === undefined ? null : (call.prompt ?? 0) + (call.completion ?? 0);
}
