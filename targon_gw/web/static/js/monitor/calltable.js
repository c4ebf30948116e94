// The calls as they happen, newest first; a row opens what became of each of its attempts.

import { html, nothing, render } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { clock, count, duration } from "../format.js";
import { t } from "../words.js";
import { plainHead } from "./heads.js";
import { CLASSES, CallLog, tokensOf, toneOf, triesOf, wantedOf } from "./calls.js";
import { icon } from "./marks.js";
import { shortId } from "./units.js";

const EVERY = 250; // milliseconds between two pictures, however many calls there are
const SIGNS = { ok: "check", warn: "warning", bad: "cross" };

export class CallTable {
  #log = new CallLog();
  #frozen = null; // the calls as they were when it was paused
  #wanted = { status: "", client: "", model: "", text: "" };
  #timer = 0;
  #came = 0; // calls since it was paused

  // `places` are {table, count, pause, status, client, model, text}; `open(call)` shows one.
  constructor(places, open) {
    this.places = places;
    this.open = open;
    for (const name of ["status", "client", "model"]) places[name].addEventListener("change", () => this.#filter());
    places.text.addEventListener("input", () => this.#filter());
    places.pause.addEventListener("click", () => this.#turn());
    this.#options("status", [...CLASSES.map((name) => [name, t(`class.${name}`)]), ["tried", t("class.tried")]]);
    this.#render();
  }

  // Rows of the feed, or of GET /api/admin/calls.
  add(rows) {
    let any = false;
    for (const row of rows) {
      const fresh = this.#log.add(row);
      if (fresh && row.kind === "call") this.#came += 1;
      any ||= fresh;
    }
    if (any) this.#soon();
  }

  find(id) {
    return this.#log.calls.find((call) => call.id === id);
  }

  #soon() {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#render();
    }, EVERY);
  }

  #turn() {
    this.#frozen = this.#frozen ? null : this.#log.calls.slice();
    this.#came = 0;
    this.#render();
  }

  #filter() {
    const { status, client, model, text } = this.places;
    this.#wanted = { status: status.value, client: client.value, model: model.value, text: text.value.trim() };
    this.#render();
  }

  #options(name, options) {
    const select = this.places[name];
    const values = options.map(([value]) => value);
    const has = [...select.options].slice(1).map((option) => option.value);
    if (values.join("\n") === has.join("\n")) return;
    const chosen = select.value;
    // What is chosen stays to be chosen, though no call of it is left.
    const all = chosen && !values.includes(chosen) ? [...options, [chosen, chosen]] : options;
    select.replaceChildren(select.options[0], ...all.map(([value, words]) => new Option(words, value)));
    select.value = chosen;
  }

  #render() {
    const calls = this.#frozen ?? this.#log.calls;
    for (const name of ["client", "model"]) this.#options(name, this.#log.names(name).map((each) => [each, each]));
    const shown = wantedOf(calls, this.#wanted);
    render(this.#table(shown, calls.length), this.places.table);
    this.places.count.textContent = t("rows.of", { shown: shown.length, all: calls.length });
    const paused = this.#frozen !== null;
    this.places.pause.setAttribute("aria-pressed", String(paused));
    const words = paused ? (this.#came ? t("go_on_new", { n: this.#came }) : t("go_on")) : t("pause");
    render(html`${icon(paused ? "play" : "pause", true)}<span>${words}</span>`, this.places.pause);
  }

  #table(rows, all) {
    if (!rows.length) return html`<p class="empty">${t(all ? "calls.no_match" : "calls.none")}</p>`;
    const heads = [["time"], ["call"], ["client"], ["model"], ["tries", true], ["status"], ["first", true], ["total", true], ["tokens_of", true]];
    return html`<table class="table cards calls" role="table">
      <caption class="visually-hidden">${t("calls.caption")}</caption>
      <thead role="rowgroup"><tr role="row">${heads.map(([name, right]) => plainHead(t(`col.${name}`), right))}</tr></thead>
      <tbody role="rowgroup">${repeat(rows, (row) => row.id, (row) => this.#row(row))}</tbody>
    </table>`;
  }

  #row(call) {
    const tone = toneOf(call);
    const tokens = tokensOf(call);
    const tries = triesOf(call);
    const figure = (name, value) => html`<td role="cell" class="right nums" data-label=${t(`col.${name}`)}>${value}</td>`;
    const clicked = (event) => {
      if (!event.target.closest("button") && !String(getSelection())) this.open(call);
    };
    return html`<tr role="row" class="opens" @click=${clicked}>
      <td role="cell" class="nums" data-label=${t("col.time")}>${clock(call.at)}</td>
      <th role="rowheader" scope="row"><button type="button" class="link mono" title=${call.id} aria-haspopup="dialog"
        @click=${() => this.open(call)}>${shortId(call.id)}</button></th>
      <td role="cell" class="name" data-label=${t("col.client")}>${call.client ?? "—"}</td>
      <td role="cell" class="name twice" data-label=${t("col.model")}>${call.model ?? "—"}</td>
      ${figure("tries", tries > 1 ? html`<strong>${tries}</strong>` : tries)}
      <td role="cell" class="is" data-label=${t("col.status")}><span class=${`badge ${tone}`}>${icon(SIGNS[tone], true)}${call.status ?? "—"}</span>
        ${call.ending === "served" ? nothing : html`<span class="ending">${t(`ending.${call.ending}`)}</span>`}</td>
      ${figure("first", duration(call.first))}
      ${figure("total", duration(call.took ?? 0))}
      ${figure("tokens_of", tokens === null ? "—" : count(tokens))}
    </tr>`;
  }
}
