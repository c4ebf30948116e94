/* The models on offer: the table by kind, and what of them is said in a sentence. */

import { number } from "../format.js";
import { lang, t } from "../words.js";
import { el, icon } from "../dom.js";
import { dollars, ranges } from "./figures.js";

const KINDS = ["reasoning", "chat", "coding", "embedding"];
const STATES = { available: ["ok", "ok-dot"], degraded: ["warn", "warning"], unavailable: ["bad", "cross"] };

/** `models` by kind, in the order of the pages; kinds that nobody knows come last. */
export function byKind(models) {
  const kinds = [...KINDS, ...models.map((model) => model.kind)];
  return [...new Set(kinds)].map((kind) => [kind, models.filter((model) => model.kind === kind)]).filter(([, some]) => some.length);
}

/** A state in a word and a sign. */
export function badge(state) {
  const [kind, sign] = STATES[state] ?? ["", "info"];
  return el(`span.badge${kind && `.${kind}`}`, {}, icon(sign), t(`state.${state}`));
}

/**
 * Show `models` in `place`; `use(id)` is called for the one that is chosen for the snippets. Where only states have
 * changed since, only these are shown anew: nobody loses the place where they are.
 */
export function show(place, models, use) {
  const same = models.map((model) => model.id).join("\n");
  if (place.dataset.ids === same) {
    const cells = [...place.querySelectorAll("[data-model]")];
    for (const { id, state } of models) {
      const cell = cells.find((one) => one.dataset.model === id);
      if (cell.dataset.state !== state) tell(cell, state);
    }
    return;
  }
  place.dataset.ids = same;
  place.replaceChildren(...byKind(models).map(([kind, some]) => table(kind, some, use)));
  place.setAttribute("aria-busy", "false");
}

function tell(cell, state) {
  cell.dataset.state = state;
  cell.replaceChildren(badge(state));
}

/** Which contexts and prices there are, in a sentence; "" where nothing is known of either. */
export function summary(models) {
  const found = ranges(models);
  return found ? t("catalog.ranges", found) : "";
}

function table(kind, models, use) {
  const name = t(`kind.${kind}`);
  const heads = ["model", "features", "context", "price", "state"].map((col) => el("th", { scope: "col" }, t(`col.${col}`)));
  const rows = models.map((model) => row(model, use));
  return el(
    "div.catalog-kind",
    {},
    el("h3", { id: `catalog-${kind}` }, name),
    el(
      "div.scroll",
      { tabindex: "0", role: "region", "aria-label": name },
      el("table.table.cards", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows)),
    ),
  );
}

function row(model, use) {
  const button = el("button.link", { type: "button", title: t("catalog.use") }, el("code", {}, breakable(model.id)));
  button.addEventListener("click", () => use(model.id));
  const state = cell("state", "");
  state.dataset.model = model.id;
  tell(state, model.state);
  const told = model.alias_of ? t("catalog.alias", { id: model.alias_of }) : model.summary?.[lang];
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, model.kind === "embedding" ? el("code", {}, breakable(model.id)) : button, told ? el("span.told", {}, told) : null),
    cell("features", "", ...(model.features.length ? model.features.map(feature) : ["—"])),
    cell("context", "nums", number(model.context)),
    cell("price", "nums", model.price ? `${dollars(model.price.prompt)} / ${dollars(model.price.completion)}` : "—"),
    state,
  );
}

function feature(name) {
  const told = t(`feature.${name}`);
  return el("span.badge", {}, told === `feature.${name}` ? name : told);
}

function cell(column, kind, ...children) {
  return el(kind ? `td.${kind}` : "td", { "data-label": t(`col.${column}`) }, ...children);
}

/** A long id may break behind its slash. */
function breakable(id) {
  const parts = id.split("/");
  const made = document.createDocumentFragment();
  parts.forEach((part, n) => {
    if (n) made.append("/", document.createElement("wbr"));
    made.append(part);
  });
  return made;
}
