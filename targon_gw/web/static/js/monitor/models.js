// The table of models: how each one is now, and how its last hour was.

import { html, nothing, render } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { count, duration, percent } from "../format.js";
import { t } from "../words.js";
import { badge } from "./marks.js";
import { strip } from "./strip.js";

export class Models {
  #place;
  #models = [];
  #now = 0;
  #chosen = { id: null, index: null };

  constructor(place) {
    this.#place = place;
    place.replaceChildren(); // lit-html would leave what stands there
  }

  show(models, now) {
    this.#models = models;
    this.#now = now;
    this.#render();
  }

  // A minute may have begun since.
  turn(now) {
    if (Math.floor(now / 60) === Math.floor(this.#now / 60)) return;
    this.#now = now;
    this.#render();
  }

  #choose = (id, index) => {
    if (index === null && this.#chosen.id !== id) return;
    if (this.#chosen.id === id && this.#chosen.index === index) return;
    this.#chosen = { id, index };
    this.#render();
  };

  #render() {
    const counted = this.#models.some((model) => model.keys);
    render(html`<table class="table cards models" role="table">
      <caption class="visually-hidden">${t("models.caption")}</caption>
      <thead role="rowgroup"><tr role="row">
        <th role="columnheader" scope="col">${t("col.model")}</th><th role="columnheader" scope="col">${t("col.state")}</th>
        <th role="columnheader" scope="col" class="nums">${t("col.success")}</th>
        <th role="columnheader" scope="col" class="nums">${t("col.p95")}</th>
        <th role="columnheader" scope="col">${t("col.hour")}</th>
        ${counted ? html`<th role="columnheader" scope="col" class="nums">${t("col.keys")}</th>` : nothing}
      </tr></thead>
      <tbody role="rowgroup">${repeat(this.#models, (model) => model.id, (model) => this.#row(model, counted))}</tbody>
    </table>`, this.#place);
  }

  #row(model, counted) {
    const { keys } = model;
    return html`<tr role="row">
      <th role="rowheader" scope="row"><span class="model-name">${model.id}</span><span class="kind">${t(`kind.${model.kind}`)}</span></th>
      <td role="cell" class="is" data-label=${t("col.state")}>${badge(model.state)}</td>
      <td role="cell" class="nums" data-label=${t("col.success")}>${model.calls ? percent(model.success) : html`<span class="muted">${t("no_calls")}</span>`}
        ${model.calls ? html`<small class="muted">${t("of_calls", { n: model.calls, count: count(model.calls) })}</small>` : nothing}</td>
      <td role="cell" class="nums" data-label=${t("col.p95")}>${duration(model.p95)}</td>
      <td role="cell" class="hour" data-label=${t("col.hour")}>${strip(model, this.#now, this.#chosen, this.#choose)}</td>
      ${counted ? html`<td role="cell" class="nums" data-label=${t("col.keys")}>${keys ? `${keys.usable}/${keys.total}` : "—"}</td>` : nothing}
    </tr>`;
  }
}
