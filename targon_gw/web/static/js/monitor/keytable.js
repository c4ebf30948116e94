// The vendors' keys: how each one is, why, until when, what it did today; and what may be done to it.

import { html, nothing, render } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { count } from "../format.js";
import { t } from "../words.js";
import { plainHead, sortHead } from "./heads.js";
import { COLUMNS, accountsOf, keyRows, keysShown } from "./keys.js";
import { badge } from "./marks.js";
import { turned } from "./order.js";
import { reasonWords } from "./reasons.js";
import { countdown } from "./units.js";

const AT_ONCE = 100; // rows; a pool may have a thousand
const FIGURES = ["in_flight", "calls", "errors", "tokens"];

export class KeyTable {
  #rows = [];
  #order = { column: "state", way: "descending" };
  #filter = { state: "", text: "" };
  #most = AT_ONCE;
  #busy = new Set();

  // `places` are {keys, accounts, count, more}; `acts` are {test, disable, enable, why}, each called with a row.
  constructor(places, acts, today, now) {
    Object.assign(this, { places, acts, today, now, keys: [] });
    this.soonest = null;
  }

  read(keys) {
    this.keys = keys;
    this.render();
  }

  // What the server answered of one key.
  changed(key) {
    this.keys = this.keys.map((each) => (each.id === key.id && each.upstream === key.upstream ? key : each));
    this.render();
  }

  filter(wanted) {
    this.#filter = wanted;
    this.#most = AT_ONCE;
    this.render();
  }

  // A second has gone by: where a rest is counted down, that shows.
  turn() {
    if (this.#rows.some((row) => row.until !== null)) this.render();
  }

  // Whether `row` is the last key of its upstream that can be used.
  isLast(row) {
    const usable = this.keys.filter((each) => each.upstream === row.upstream && each.state === "usable");
    return usable.length === 1 && usable[0].id === row.id;
  }

  render() {
    this.#rows = keyRows(this.keys, this.today);
    const shown = keysShown(this.#rows, this.#filter, this.#order);
    render(this.#table(shown.slice(0, this.#most)), this.places.keys);
    this.places.count.textContent = t("rows.of", { shown: Math.min(shown.length, this.#most), all: this.keys.length });
    this.places.more.hidden = shown.length <= this.#most;
    render(this.#accounts(accountsOf(this.#rows)), this.places.accounts);
  }

  more() {
    this.#most += AT_ONCE;
    this.render();
  }

  #sort = (column) => {
    const first = FIGURES.includes(column) || column === "state" ? "descending" : "ascending";
    this.#order = turned(this.#order, column, first);
    this.render();
  };

  #table(rows) {
    if (!rows.length) return html`<p class="empty">${t("keys.none")}</p>`;
    return html`<table class="table cards" role="table">
      <caption class="visually-hidden">${t("keys.caption")}</caption>
      <thead role="rowgroup"><tr role="row">
        ${COLUMNS.map((name) => sortHead(name, t(`col.${name}`), this.#order, this.#sort, FIGURES.includes(name)))}
        ${plainHead(html`<span class="visually-hidden">${t("col.acts")}</span>`)}
      </tr></thead>
      <tbody role="rowgroup">${repeat(rows, (row) => `${row.upstream} ${row.id}`, (row) => this.#row(row))}</tbody>
    </table>`;
  }

  #row(row) {
    const figure = (name, value) => html`<td role="cell" class="right nums" data-label=${t(`col.${name}`)}>${value}</td>`;
    const why = whyOf(row);
    return html`<tr role="row">
      <td role="cell" class="is" data-label=${t("col.state")}>${badge(row.state)}
        ${["trial", "suspect"].includes(row.health) ? html`<span class="below">${t(`health.${row.health}`)}</span>` : nothing}</td>
      <th role="rowheader" scope="row"><button type="button" class="link mono" aria-haspopup="dialog" @click=${() => this.acts.why(row)}>${row.id}</button>
        <span class="below">${belongs(row)}</span></th>
      <td role="cell" class=${nil("why", why)} data-label=${t("col.why")}>${why || none()}</td>
      <td role="cell" class=${nil("nums", row.until)} data-label=${t("col.until")}>${left(row.until, this.now())}</td>
      ${figure("in_flight", row.in_flight)}
      ${figure("calls", row.today ? count(row.today.calls) : "…")}
      ${figure("errors", row.today ? count(row.today.errors) : "…")}
      ${figure("tokens", row.today ? count(row.today.tokens) : "…")}
      <td role="cell" class="acts">${this.#buttons(row)}</td>
    </tr>`;
  }

  #buttons(row) {
    const busy = this.#busy.has(`${row.upstream} ${row.id}`);
    const one = (word, act) => html`<button type="button" class="button small" ?disabled=${busy}
      aria-label=${t(`act.${word}_key`, { key: row.id })} @click=${act}>${t(`act.${word}`)}</button>`;
    return html`${one("test", () => this.#during(row, this.acts.test))}
      ${row.state === "disabled" ? nothing : one("disable", () => this.acts.disable(row))}
      ${row.state === "usable" ? nothing : one("enable", () => this.#during(row, this.acts.enable))}
      ${row.state === "barred" ? html`<a class="button small" href="/admin#keys" aria-label=${t("act.replace_key", { key: row.id })}>${t("act.replace")}</a>` : nothing}`;
  }

  async #during(row, act) {
    const name = `${row.upstream} ${row.id}`;
    this.#busy.add(name);
    this.render();
    try {
      await act(row);
    } finally {
      this.#busy.delete(name);
      this.render();
    }
  }

  #accounts(accounts) {
    const heads = ["state", "account", "usable", "in_flight", "tokens", "why", "until"];
    return html`<table class="table cards" role="table">
      <caption class="visually-hidden">${t("accounts.caption")}</caption>
      <thead role="rowgroup"><tr role="row">${heads.map((name) => plainHead(t(`col.${name}`), ["usable", "in_flight", "tokens"].includes(name)))}</tr></thead>
      <tbody role="rowgroup">${repeat(accounts.slice(0, AT_ONCE), (one) => `${one.upstream} ${one.account}`, (one) => html`<tr role="row">
        <td role="cell" class="is" data-label=${t("col.state")}>${badge(one.state)}</td>
        <th role="rowheader" scope="row"><span class="mono">${one.account}</span><span class="below">${one.upstream}</span></th>
        <td role="cell" class="right nums" data-label=${t("col.usable")}>${one.usable}/${one.keys}</td>
        <td role="cell" class="right nums" data-label=${t("col.in_flight")}>${one.in_flight}</td>
        <td role="cell" class="right nums" data-label=${t("col.tokens")}>${one.tokens === null ? "…" : count(one.tokens)}</td>
        <td role="cell" class=${nil("why", whyOf(one))} data-label=${t("col.why")}>${whyOf(one) || none()}</td>
        <td role="cell" class=${nil("nums", one.until)} data-label=${t("col.until")}>${left(one.until, this.now())}</td>
      </tr>`)}</tbody>
    </table>`;
  }
}

// A cell that has nothing to say takes no room where there is little.
function nil(kind, value) {
  return value ? kind : `${kind} nil`;
}

function none() {
  return html`<span class="muted">—</span>`;
}

// Whose key it is, where that is not the key itself, and what people noted on it.
function belongs(row) {
  return [row.account === row.id ? "" : row.account, row.upstream, row.note].filter(Boolean).join(" · ");
}

function whyOf(row) {
  const models = row.models_out?.length ? t("models_out", { models: row.models_out.join(", ") }) : "";
  return [reasonWords(row.why, t), models].filter(Boolean).join(" · ");
}

function left(until, now) {
  if (until === null || until === undefined) return none();
  const told = countdown(until, now);
  return Array.isArray(told) ? t(...told) : told;
}
