// The vendors' keys: how each one is and why, and what may be done to it.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { del, get } from "../api.js";
import { ago } from "../format.js";
import { DisableDialog, WhyDialog, enable, pathOf, test } from "../monitor/keydialogs.js";
import { badge, icon } from "../monitor/marks.js";
import { reasonWords } from "../monitor/reasons.js";
import { toast } from "../toast.js";
import { t } from "../words.js";
import { ask } from "./dialogs.js";
import { draw } from "./dom.js";
import { KeyList } from "./keylist.js";

const AT_ONCE = 100;
const COLUMNS = ["state", "id", "why", "account", "served", "note"];

export class Keys {
  #filter = { state: "", text: "" };
  #most = AT_ONCE;
  #busy = new Set();
  #order = { column: "state", way: "ascending" };

  constructor(places) {
    this.places = places;
    this.list = new KeyList();
    this.disable = new DisableDialog(places.disable, (key) => this.#changed(key), (row) => this.list.isLast(row));
    this.why = new WhyDialog(places.why);
  }

  // An event of the live stream, or an answer of GET keys.
  take(told) {
    this.list.take(told);
    this.#show();
  }

  async load() {
    this.take(await get("/api/admin/keys"));
  }

  filter(wanted) {
    this.#filter = { ...this.#filter, ...wanted };
    this.#most = AT_ONCE;
    this.#show();
  }

  #changed(key) {
    this.list.changed(key);
    this.#show();
  }

  async #during(row, act) {
    const name = `${row.upstream} ${row.id}`;
    this.#busy.add(name);
    this.#show();
    try {
      const key = await act(row);
      if (key) this.list.changed(key);
    } finally {
      this.#busy.delete(name);
      this.#show();
    }
  }

  #remove(row) {
    return ask({
      title: t("remove"),
      text: t("remove.what", { key: row.id }),
      warn: this.list.isLast(row) ? t("disable.last") : "",
      confirm: t("remove.go"),
      danger: true,
      go: async () => {
        await del(pathOf(row));
        this.list.removed(row);
        this.#show();
        toast(t("removed", { key: row.id }));
        return true;
      },
    });
  }

  #show() {
    const shown = this.list.shown(this.#filter, this.#order);
    this.places.count.textContent = this.list.size ? t("keys.of", { n: this.list.size }) : "";
    draw(html`${this.list.census().map(([state, n]) => html`<button type="button" class="chip" aria-pressed=${String(this.#filter.state === state)}
      @click=${() => this.filter({ state: this.#filter.state === state ? "" : state })}>${badge(state)}<span class="nums">${n}</span></button>`)}`, this.places.census);
    draw(this.#table(shown), this.places.table);
  }

  #sort(column) {
    const same = this.#order.column === column;
    this.#order = { column, way: same && this.#order.way === "ascending" ? "descending" : "ascending" };
    this.#show();
  }

  #head(column) {
    const way = this.#order.column === column ? this.#order.way : "none";
    return html`<th scope="col" aria-sort=${way} class=${column === "served" ? "right" : ""}><button type="button" class="sort" @click=${() => this.#sort(column)}>${t(`col.${column === "id" ? "key" : column}`)}${way === "none" ? nothing : html`<span class=${`way ${way}`}>${icon("chevron-down", true)}</span>`}</button></th>`;
  }

  #table(rows) {
    if (!this.list.size) return html`<div class="empty"><p>${t("keys.empty")}</p></div>`;
    if (!rows.length) return html`<p class="empty">${t("keys.none")}</p>`;
    return html`<table class="table stack">
      <caption class="visually-hidden">${t("keys.caption")}</caption>
      <thead><tr>${COLUMNS.map((column) => this.#head(column))}<th scope="col"><span class="visually-hidden">${t("col.acts")}</span></th></tr></thead>
      <tbody>${repeat(rows.slice(0, this.#most), (row) => `${row.upstream} ${row.id}`, (row) => this.#row(row))}</tbody></table>
      ${rows.length > this.#most ? html`<p class="more-rows"><button type="button" class="button small" @click=${() => { this.#most += AT_ONCE; this.#show(); }}>${t("keys.more", { n: rows.length - this.#most })}</button></p>` : nothing}`;
  }

  #row(row) {
    const busy = this.#busy.has(`${row.upstream} ${row.id}`);
    const act = (word, sign, go, danger = false) => html`<button type="button" class=${danger ? "button small plain square danger" : "button small"} ?disabled=${busy}
      aria-label=${t(`act.${word}_key`, { key: row.id })} title=${danger ? t(`act.${word}`) : nothing} @click=${go}>${sign ? icon(sign, true) : t(`act.${word}`)}</button>`;
    const why = reasonWords(row.why, t);
    return html`<tr>
      <td class="is" data-label=${t("col.state")}>${badge(row.state)}</td>
      <th scope="row"><button type="button" class="link-button mono" aria-haspopup="dialog" @click=${() => this.why.open(row)}>${row.id}</button></th>
      <td class=${why ? "wrap" : "wrap nil"} data-label=${t("col.why")}>${why ?? html`<span class="muted">—</span>`}${row.until ? html` <span class="muted nowrap">${t("keys.back", { when: ago(row.until) })}</span>` : nothing}</td>
      <td data-label=${t("col.account")}><span class="ends">${row.account === row.id ? html`<span class="muted">${row.upstream}</span>` : `${row.account} · ${row.upstream}`}</span></td>
      <td class="right nums" data-label=${t("col.served")}>${row.served}</td>
      <td class=${row.note ? "wrap muted" : "wrap muted nil"} data-label=${t("col.note")}>${row.note}</td>
      <td class="acts">
        ${act("test", "", () => this.#during(row, test))}
        ${row.state === "disabled" ? nothing : act("disable", "", () => this.disable.open(row))}
        ${row.state === "usable" ? nothing : act("enable", "", () => this.#during(row, enable))}
        ${act("remove", "trash", () => this.#remove(row), true)}</td></tr>`;
  }
}
