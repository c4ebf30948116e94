// What may be done to a vendor's key, with the dialogs that ask before it or tell of it.

import { html, nothing, render } from "../../vendor/lit-html/lit-html.js";
import { get, post } from "../api.js";
import { clock, date, duration } from "../format.js";
import { toast } from "../toast.js";
import { t } from "../words.js";
import { badge } from "./marks.js";
import { reasonWords, whatWords } from "./reasons.js";

// The address of a key, or of an act upon it; ids may be the same in two upstreams.
export function pathOf(row, act = "") {
  const upstream = encodeURIComponent(row.upstream);
  return `/api/admin/keys/${encodeURIComponent(row.id)}${act && `/${act}`}?upstream=${upstream}`;
}

// Do `work`; what is refused is told, and comes to null.
async function told(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.words ?? String(error), "bad");
    return null;
  }
}

// Ask the vendor now; the key as it is then, or null.
export async function test(row) {
  const verdict = await told(() => post(pathOf(row, "test")));
  if (verdict === null) return null;
  const served = verdict.outcome === "served";
  const words = { key: row.id, reason: reasonWords(verdict.reason, t), took: duration(verdict.took ?? null) };
  toast(t(served ? (verdict.rest_ended ? "tested.back" : "tested.served") : "tested.failed", words), served ? "ok" : "bad");
  return verdict.key;
}

// Put it back into use; the key as it is then, or null.
export async function enable(row) {
  const key = await told(() => post(pathOf(row, "enable")));
  if (key) toast(t("enabled", { key: row.id, state: t(`state.${key.state}`) }));
  return key;
}

// Asks for how long, then takes the key out of use.
export class DisableDialog {
  #row = null;

  // `done(key)` is told how the key is then; `isLast(row)` says whether nothing else of its upstream can be used.
  constructor(dialog, done, isLast) {
    Object.assign(this, { dialog, done, isLast });
    this.form = dialog.querySelector("form");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#go();
    });
    dialog.querySelector(".dialog-close").addEventListener("click", () => dialog.close());
  }

  open(row) {
    this.#row = row;
    this.form.reset();
    this.dialog.querySelector(".dialog-id").textContent = row.id;
    this.dialog.querySelector(".dialog-last").hidden = !this.isLast(row);
    this.dialog.showModal();
  }

  async #go() {
    const row = this.#row;
    const span = new FormData(this.form).get("for");
    const button = this.form.querySelector("[type=submit]");
    button.disabled = true;
    const key = await told(() => post(pathOf(row, "disable"), { for: span ? Number(span) : null }));
    button.disabled = false;
    if (key === null) return;
    if (this.#row === row) this.dialog.close(); // or it asks of another one by now
    toast(t(key.until === null ? "disabled.for_good" : "disabled.until", { key: row.id, until: clock(key.until) }));
    this.done(key);
  }
}

// Why a key is as it is: what it depends on, and its last changes.
export class WhyDialog {
  #row = null; // the one that was asked for last

  constructor(dialog) {
    this.dialog = dialog;
    this.body = dialog.querySelector(".dialog-body");
    dialog.querySelector(".dialog-close").addEventListener("click", () => dialog.close());
  }

  async open(row) {
    this.#row = row;
    this.dialog.querySelector(".dialog-id").textContent = row.id;
    render(html`<p class="muted">${t("loading")}</p>`, this.body);
    this.dialog.showModal();
    const key = await told(() => get(pathOf(row)));
    if (this.#row !== row) return;
    if (key === null) this.dialog.close();
    else render(whole(key), this.body);
  }
}

function whole(key) {
  const shared = key.shares_account_with ?? [];
  return html`
    <p>${badge(key.state)} ${reasonWords(key.why, t) ?? ""}</p>
    <dl class="call-facts">
      <div><dt>${t("col.account")}</dt><dd>${key.account} · ${key.upstream}</dd></div>
      ${shared.length ? html`<div><dt>${t("why.shared")}</dt><dd class="mono">${shared.join(", ")}</dd></div>` : nothing}
      ${key.first_token === null ? nothing : html`<div><dt>${t("fact.first")}</dt><dd>${duration(key.first_token)}</dd></div>`}
    </dl>
    <h3>${t("why.depends")}</h3>
    <ul class="depends">${key.depends_on.map((one) => html`<li><span>${whatWords(one.what, t)}</span> <span>${healthOf(one)}</span></li>`)}</ul>
    <h3>${t("why.changes")}</h3>
    ${key.changes.length ? html`<ol class="changes">${[...key.changes].reverse().map(change)}</ol>` : html`<p class="muted">${t("why.none")}</p>`}`;
}

function healthOf(one) {
  const until = one.until === null ? "" : ` · ${t("why.until", { time: clock(one.until) })}`;
  return html`${badge(one.health, t(`health.${one.health}`))}${until}`;
}

function change(one) {
  return html`<li><span class="nums muted">${date(one.at).replace(/\d\d:\d\d$/, clock(one.at))}</span>
    <span>${whatWords(one.what, t)}: ${t(`health.${one.before}`)} → ${t(`health.${one.after}`)}</span>
    <span class="muted">${[reasonWords(one.reason, t), one.request_id].filter(Boolean).join(" · ")}</span></li>`;
}
