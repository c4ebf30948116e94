// Dialogs that ask before something is done, and one that shows what is shown once. All are of the page's own making:
// Esc closes them, the keyboard stays in them, and it goes back to where it was.

import { html, nothing, render } from "../../vendor/lit-html/lit-html.js";
import { copyButton } from "../copy.js";
import { icon } from "../monitor/marks.js";
import { t } from "../words.js";

let number = 0;

function opened(title, content) {
  number += 1;
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", `dialog-${number}`);
  const heading = document.createElement("h2");
  heading.id = `dialog-${number}`;
  heading.textContent = title;
  const body = document.createElement("div");
  dialog.append(heading, body);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  render(content(dialog), body);
  dialog.showModal();
  return dialog;
}

function fieldOf(field, at) {
  const id = `field-${number}-${at}`;
  const said = `${id}-said`;
  const usual = field.value ?? "";
  const options = () => field.options.map((one) => html`<option value=${one.value} ?selected=${one.value === usual}>${one.label}</option>`);
  if (field.type === "check") {
    return html`<label class="check"><input type="checkbox" name=${field.name} ?checked=${field.value}> <span>${field.label}</span></label>`;
  }
  return html`<div class=${`field ${field.wide ?? ""}`}><label for=${id}>${field.label}</label>
    ${field.options
      ? html`<select id=${id} name=${field.name}>${options()}</select>`
      : html`<input id=${id} name=${field.name} type=${field.type ?? "text"} .value=${usual} placeholder=${field.placeholder ?? ""}
          inputmode=${field.digits ? "numeric" : "text"} autocomplete="off" autocapitalize="none" spellcheck="false"
          ?required=${field.required ?? false} aria-describedby=${said}>`}
    <span class="hint" id=${said}>${field.hint ?? nothing}</span></div>`;
}

/**
 * Ask, and do it: `{title, text, warn, fields, confirm, danger, go}`. `go(values)` does it; what it throws is told in the
 * dialog, which stays; an array of names that it returns are the fields that are not in order. The promise is of what
 * `go` returns, or null where nothing was done.
 */
export function ask({ title, text, warn, fields = [], confirm, danger = false, go }) {
  return new Promise((resolve) => {
    let done = null;
    const dialog = opened(title, (own) => html`<form novalidate @submit=${(event) => submit(event, own)}>
      ${text ? html`<p>${text}</p>` : nothing}
      ${warn ? html`<p class="notice warn">${icon("warning")}<span>${warn}</span></p>` : nothing}
      <div class="fields">${fields.map(fieldOf)}</div>
      <p class="notice bad" role="alert" hidden>${icon("warning")}<span class="said"></span></p>
      <div class="actions"><button type="button" class="button" @click=${() => own.close()}>${t("cancel")}</button>
        <button type="submit" class=${danger ? "button danger" : "button primary"}>${confirm}</button></div></form>`);
    dialog.addEventListener("close", () => resolve(done));
    const first = dialog.querySelector("input, select") ?? dialog.querySelector(danger ? "button" : "[type=submit]");
    first?.focus();

    async function submit(event, own) {
      event.preventDefault();
      const form = event.currentTarget;
      const values = Object.fromEntries(new FormData(form));
      const button = form.querySelector("[type=submit]");
      const problem = form.querySelector("[role=alert]");
      for (const each of form.elements) each.removeAttribute("aria-invalid");
      button.disabled = true;
      problem.hidden = true;
      try {
        const found = await go(values);
        if (Array.isArray(found)) return complain(form, found, t("form.not_in_order"));
        done = found ?? true;
        own.close();
      } catch (error) {
        complain(form, error.param ? [error.param] : [], error.words ?? String(error));
      } finally {
        button.disabled = false;
      }
    }
  });
}

function complain(form, names, words) {
  const problem = form.querySelector("[role=alert]");
  problem.querySelector(".said").textContent = words;
  problem.hidden = false;
  const wrong = names.map((name) => form.elements[name]).filter(Boolean);
  for (const each of wrong) each.setAttribute("aria-invalid", "true");
  wrong[0]?.focus();
}

/** Show what is shown once: `{title, text, secrets: [{label, value}]}`; a promise of its being closed. */
export function tellOnce({ title, text, secrets }) {
  return new Promise((resolve) => {
    const dialog = opened(title, (own) => html`<p>${text}</p>
      ${secrets.map((one) => html`<div class="field"><span class="label">${one.label}</span>
        <div class="secret"><code class="mono">${one.value}</code>
          <button type="button" class="button small square copy" aria-label=${t("copy")} title=${t("copy")}>
            <span class="before">${icon("copy")}</span><span class="after">${icon("check")}</span></button></div></div>`)}
      <p class="notice warn">${icon("warning")}<span>${t("once")}</span></p>
      <div class="actions"><button type="button" class="button primary" @click=${() => own.close()}>${t("once.done")}</button></div>`);
    dialog.querySelectorAll(".copy").forEach((button, at) => copyButton(button, () => secrets[at].value));
    dialog.addEventListener("close", resolve);
    dialog.querySelector(".copy")?.focus();
  });
}
