// The vendors' keys as the page has them: whole lists and parts of them as they come, and which of them are to be seen.

import { matches, sorted } from "../monitor/order.js";

const STATES = ["barred", "exhausted", "disabled", "cooling", "usable"];
const nameOf = (row) => `${row.upstream} ${row.id}`;

export class KeyList {
  #rows = new Map();

  // `told` is an answer of GET keys or an event of that name.
  take(told) {
    if (!told.part) this.#rows.clear();
    for (const row of told.keys) this.#rows.set(nameOf(row), row);
    for (const gone of told.gone ?? []) this.#rows.delete(Array.isArray(gone) ? gone.join(" ") : nameOf(gone));
  }

  // What the server answered of one key.
  changed(row) {
    this.#rows.set(nameOf(row), row);
  }

  removed(row) {
    this.#rows.delete(nameOf(row));
  }

  get rows() {
    return [...this.#rows.values()];
  }

  get size() {
    return this.#rows.size;
  }

  // The worst first, or by another column; `state` and `text` say which.
  shown({ state = "", text = "" } = {}, order = { column: "state", way: "ascending" }) {
    const found = this.rows.filter(
      (row) => (state === "" || row.state === state) && matches(text, [row.id, row.account, row.upstream, row.note, row.why]),
    );
    const valueOf = order.column === "state" ? (row) => STATES.indexOf(row.state) : (row) => row[order.column];
    return sorted(found, valueOf, order.way);
  }

  // How many are in each state, in that order; those that are none are left out.
  census() {
    const counts = STATES.map((state) => [state, this.rows.filter((row) => row.state === state).length]);
    return counts.reverse().filter(([, n]) => n > 0);
  }

  // Whether `row` is the last key of its upstream that can be used.
  isLast(row) {
    const usable = this.rows.filter((each) => each.upstream === row.upstream && each.state === "usable");
    return usable.length === 1 && nameOf(usable[0]) === nameOf(row);
  }
}
