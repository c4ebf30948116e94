// The clients: what each has used, and how much of its quota is left.

import { html, nothing, render, svg } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { count, percent, usd } from "../format.js";
import { t } from "../words.js";
import { shownClients } from "./clients.js";
import { sortHead } from "./heads.js";
import { turned } from "./order.js";

const AT_ONCE = 100;
const FIGURES = ["requests", "tokens_all", "in_flight"];

export class ClientTable {
  #clients = [];
  #all = 0;
  #order = { column: "tokens_all", way: "descending" };
  #text = "";

  // `places` are {table, count, text}.
  constructor(places) {
    this.places = places;
    places.text.addEventListener("input", () => {
      this.#text = places.text.value.trim();
      this.#render();
    });
  }

  // Of `all` that there are, the newest users and all clients of the settings.
  read(clients, all) {
    this.#clients = clients;
    this.#all = all;
    this.#render();
  }

  #sort = (column) => {
    this.#order = turned(this.#order, column, column === "client" ? "ascending" : "descending");
    this.#render();
  };

  #render() {
    const found = shownClients(this.#clients, this.#text, this.#order);
    const shown = found.slice(0, AT_ONCE);
    this.places.count.textContent = t("rows.of", { shown: shown.length, all: this.#all });
    const head = (name) => sortHead(name, t(`col.${name}`), this.#order, this.#sort, FIGURES.includes(name));
    if (!shown.length) {
      render(html`<p class="empty">${t("clients.none")}</p>`, this.places.table);
      return;
    }
    render(html`<table class="table cards" role="table">
      <caption class="visually-hidden">${t("clients.caption")}</caption>
      <thead role="rowgroup"><tr role="row">${["client", "requests", "tokens_all", "in_flight", "quota"].map(head)}</tr></thead>
      <tbody role="rowgroup">${repeat(shown, (one) => one.name, row)}</tbody>
    </table>`, this.places.table);
  }
}

function row(one) {
  const figure = (name, value) => html`<td role="cell" class="right nums" data-label=${t(`col.${name}`)}>${value}</td>`;
  return html`<tr role="row">
    <th role="rowheader" scope="row" class="name">${one.name}${kindOf(one)}</th>
    ${figure("requests", count(one.use.requests))}
    ${figure("tokens_all", count(one.use.tokens?.total))}
    ${figure("in_flight", one.use.in_flight ?? "—")}
    <td role="cell" class="whole" data-label=${t("col.quota")}>${one.use.requests === undefined ? "—" : quotaOf(one.use.quota)}</td>
  </tr>`;
}

// Who registered here is told from who stands in the settings.
function kindOf(one) {
  if (!one.user) return nothing;
  const words = one.user.enabled ? (one.user.admin ? "client.admin" : "client.user") : "client.disabled";
  return html` <span class="muted small">${t(words)}</span>`;
}

// How much of a quota is gone, as figures and as a bar; what is held for calls under way is a part of it.
function quotaOf(quota) {
  if (!quota) return html`<span class="muted">${t("quota.none")}</span>`;
  const figure = (amount) => (quota.unit === "usd" ? usd(amount * 1e6) : count(amount));
  const gone = quota.limit > 0 ? Math.min(1, (quota.used + quota.held) / quota.limit) : 1;
  const words = t("quota.used", { used: figure(quota.used), limit: figure(quota.limit), per: t(`per.${quota.per}`) });
  const tone = gone >= 1 ? "bad" : gone >= 0.8 ? "warn" : "ok";
  return html`<div class="quota"><span class="nums">${words}</span>
    <svg class="quota-bar" aria-hidden="true"><rect class="all" width="100%" height="100%" rx="3"></rect>
      ${svg`<rect class=${tone} width=${`${gone * 100}%`} height="100%" rx="3"></rect>`}</svg>
    <span class="muted nums">${percent(gone, 0)}</span></div>`;
}
