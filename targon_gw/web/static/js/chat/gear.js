/** What is asked of the model beside the words, for one conversation: system prompt, temperature, length, top_p. */

import { t } from "../words.js";
import { el } from "../dom.js";
import { iconButton } from "./parts.js";
import { ASKED, numberIn } from "./numbers.js";

const dialog = document.getElementById("gear-dialog");

function field(limits, settings) {
  const { name, min, max, step } = limits;
  const id = `gear-${name}`;
  const input = el("input.nums", { id, type: "number", min, max, step: step === 1 ? 1 : "any", inputmode: "decimal" });
  input.placeholder = t("gear.default");
  input.value = settings[name] ?? "";
  input.setAttribute("aria-describedby", `${id}-hint`);
  return el(
    "div.field",
    {},
    el("label", { for: id }, t(`gear.${name}`)),
    input,
    el("span.hint", { id: `${id}-hint` }, t(`gear.${name}.hint`)),
  );
}

/** Let the reader change `settings`; `save(settings)` is given the new ones. */
export function openGear(settings, save) {
  const system = el("textarea", { id: "gear-system", rows: "5", dir: "auto", placeholder: t("gear.system.none") });
  system.value = settings.system ?? "";
  const close = iconButton("close", t("close"), () => dialog.close());
  const reset = () => form.querySelectorAll("input, textarea").forEach((each) => (each.value = ""));
  const form = el(
    "form",
    { method: "dialog" },
    el("div.dialog-head", {}, el("h2", { id: "gear-title" }, t("gear.title")), close),
    el("p.muted.small", {}, t("gear.note")),
    el("div.field", {}, el("label", { for: "gear-system" }, t("gear.system")), system),
    el("div.gear-numbers", {}, ...ASKED.map((limits) => field(limits, settings))),
    el(
      "div.actions",
      {},
      el("button.button.plain", { type: "button", onclick: reset }, t("gear.reset")),
      el("button.button.primary", { type: "submit" }, t("save")),
    ),
  );
  form.addEventListener("submit", () => {
    const set = { system: system.value.trim() };
    for (const limits of ASKED) {
      const value = numberIn(form.querySelector(`#gear-${limits.name}`).value, limits);
      if (typeof value === "number") set[limits.name] = value;
    }
    save(set);
  });
  dialog.replaceChildren(form);
  dialog.showModal();
  system.focus();
}
