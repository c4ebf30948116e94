// Heads of tables that can be sorted: each heading is a button, and the column says which way it goes.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { icon } from "./marks.js";

// `order` is {column, way}; `sort(column)` is asked for another.
export function sortHead(column, label, order, sort, right = false) {
  const way = order.column === column ? order.way : null;
  return html`<th role="columnheader" scope="col" class=${right ? "right" : ""} aria-sort=${way ?? nothing}>
    <button type="button" class="sort" @click=${() => sort(column)}>${label}<span class=${`sort-way ${way ?? "none"}`}>${icon("arrow-down", true)}</span></button>
  </th>`;
}

// A head that only says what stands below it.
export function plainHead(label, right = false) {
  return html`<th role="columnheader" scope="col" class=${right ? "right" : ""}>${label}</th>`;
}
