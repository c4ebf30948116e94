/** Which model is asked: a button that names it, and a menu of all, grouped by kind, each with how it is. */

import { lang, t } from "../words.js";
import { el, icon } from "../dom.js";
import { allowed, contextOf, grouped } from "./models.js";
import { openAt } from "./popup.js";

const STATES = {
  available: { tone: "ok", icon: "ok-dot" },
  degraded: { tone: "warn", icon: "warning" },
  unavailable: { tone: "bad", icon: "cross" },
};

/** How a model is, in a word and a sign. */
function stateBadge(state) {
  const { tone, icon: sign } = STATES[state] ?? STATES.unavailable;
  return el(`span.badge.${tone}`, {}, icon(sign), t(`state.${state}`));
}

function facts(model) {
  const context = contextOf(model.context);
  return [
    ...(model.features ?? []).map((feature) => el("span.badge", {}, t(`feature.${feature}`))),
    context && el("span.badge.nums", { title: t("model.context", { n: model.context }) }, context),
  ];
}

function option(model, current, guest, pick) {
  const open = allowed(model, guest);
  const about = model.alias_of ? t("model.alias", { model: model.alias_of }) : model.summary?.[lang];
  return el(
    "button.model-option",
    {
      type: "button",
      role: "menuitemradio",
      "aria-checked": String(model.id === current),
      disabled: !open,
      onclick: () => pick(model.id),
    },
    icon("check", "small"),
    el(
      "span.model-option-body",
      {},
      el("span.model-option-id", {}, model.id),
      el("span.model-option-about", {}, open ? (about ?? "") : t("model.members")),
      el("span.model-option-facts", {}, stateBadge(model.state), ...facts(model)),
    ),
  );
}

export class Picker {
  #parts;
  #models = [];
  #current = null;
  #pick;
  #guest;

  /** `parts`: `{button, name, facts, menu}`; `pick(id)` hears what was chosen. */
  constructor(parts, pick, guest) {
    this.#parts = parts;
    this.#pick = pick;
    this.#guest = guest;
    parts.button.addEventListener("click", () => {
      this.#fill();
      openAt(parts.button, parts.menu, { width: 480 });
    });
  }

  /** What there is, from now on. */
  set models(models) {
    this.#models = models;
    this.#tell();
    if (this.#parts.menu.matches(":popover-open")) return; // under the reader's hand nothing moves
    this.#fill();
  }

  /** The id of the model that is asked. */
  set current(id) {
    this.#current = id;
    this.#tell();
  }

  #fill() {
    const pick = (id) => {
      this.#parts.menu.hidePopover();
      this.#parts.button.focus();
      this.#pick(id);
    };
    this.#parts.menu.replaceChildren(
      ...grouped(this.#models).map(({ kind, models }) => {
        const label = el("p.menu-label", { id: `kind-${kind}` }, t(`kind.${kind}`));
        const options = models.map((model) => option(model, this.#current, this.#guest(), pick));
        return el("div", { role: "group", "aria-labelledby": label.id }, label, ...options);
      }),
    );
  }

  #tell() {
    const { button, name, facts: place } = this.#parts;
    const model = this.#models.find((each) => each.id === this.#current);
    button.disabled = !grouped(this.#models).length;
    name.textContent = this.#current ?? t(this.#models.length ? "model.choose" : "model.none");
    button.setAttribute("aria-label", this.#current ? t("model.chosen", { model: this.#current }) : name.textContent);
    place.replaceChildren(...(model ? [stateBadge(model.state), ...facts(model)].filter(Boolean) : []));
  }
}
