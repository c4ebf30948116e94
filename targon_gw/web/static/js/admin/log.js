// What was done and noted, newest first.

import { html } from "../../vendor/lit-html/lit-html.js";
import { get } from "../api.js";
import { clock, date } from "../format.js";
import { t } from "../words.js";
import { actWords, eventsShown, onWords, whoWords } from "./acts.js";
import { draw } from "./dom.js";

const MOST = 1000;
const AT_ONCE = 100;

export class Log {
  #events = [];
  #text = "";
  #most = AT_ONCE;

  constructor(place) {
    this.place = place;
  }

  async load() {
    this.#events = (await get(`/api/admin/audit?limit=${MOST}`)).events;
    this.#show();
  }

  filter(text) {
    this.#text = text;
    this.#most = AT_ONCE;
    this.#show();
  }

  #show() {
    const words = (event) => [whoWords(event.who, t), actWords(event.act, t), onWords(event.on, t)].join(" ");
    const rows = eventsShown(this.#events, this.#text, words);
    if (!rows.length) return draw(html`<p class="empty">${t(this.#events.length ? "log.none_found" : "log.none")}</p>`, this.place);
    return draw(html`<table class="table stack"><caption class="visually-hidden">${t("log")}</caption>
      <thead><tr>${["time", "who", "act", "on", "address"].map((name) => html`<th scope="col">${t(`col.${name}`)}</th>`)}</tr></thead>
      <tbody>${rows.slice(0, this.#most).map((event) => html`<tr>
        <td class="nums nowrap" data-label=${t("col.time")}>${date(event.at).replace(/\d\d:\d\d$/, clock(event.at))}</td>
        <th scope="row">${whoWords(event.who, t)}</th>
        <td data-label=${t("col.act")}>${actWords(event.act, t)}</td>
        <td class="wrap" data-label=${t("col.on")}>${onWords(event.on, t)}</td>
        <td class="mono muted" data-label=${t("col.address")}>${event.address || "—"}</td></tr>`)}</tbody></table>
      ${rows.length > this.#most ? html`<p class="more-rows"><button type="button" class="button small" @click=${() => { this.#most += AT_ONCE; this.#show(); }}>${t("keys.more", { n: rows.length - this.#most })}</button></p>` : ""}`, this.place);
  }
}
