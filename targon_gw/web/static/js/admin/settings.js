// The settings: what a reload would change, and what is in force.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { get, post } from "../api.js";
import { copyButton } from "../copy.js";
import { ago, date } from "../format.js";
import { icon } from "../monitor/marks.js";
import { toast } from "../toast.js";
import { t } from "../words.js";
import { entriesOf } from "./diff.js";
import { draw } from "./dom.js";
import { found, linesOf, partsOf } from "./plain.js";

const API = "/api/admin/settings";

export class Settings {
  #told = null;
  #seen = null;
  #busy = false;
  #text = "";

  // `places` are {changes, force, about}.
  constructor(places) {
    this.places = places;
    copyButton(places.copy, () => linesOf(this.#told?.settings ?? {}, Infinity).join("\n"));
  }

  async load() {
    await Promise.all([this.look(), this.#force()]);
  }

  async #force() {
    this.#told = await get(API);
    this.#showForce();
  }

  async look() {
    this.#busy = true;
    this.#showChanges();
    try {
      this.#seen = await get(`${API}/changes`);
    } catch (error) {
      this.#seen = { failed: error.words ?? String(error) };
    }
    this.#busy = false;
    this.#showChanges();
  }

  async reload() {
    this.#busy = true;
    this.#showChanges();
    try {
      await post("/api/admin/reload");
      toast(t("settings.reloaded"));
    } catch (error) {
      toast(error.code === "unknown" ? t("settings.not_taken") : error.words ?? String(error), "bad");
    }
    await this.load();
  }

  filter(text) {
    this.#text = text;
    this.#showForce();
  }

  #showChanges() {
    const seen = this.#seen;
    draw(html`${seen === null ? html`<p class="muted">${t("settings.looking")}</p>` : this.#verdict(seen)}
      <div class="actions-row"><button type="button" class="button" ?disabled=${this.#busy} @click=${() => this.look()}>${icon("refresh", true)}${t("settings.look")}</button>
        <button type="button" class=${this.#isUsable() && seen.changes.length ? "button primary" : "button"} ?disabled=${this.#busy || !this.#isUsable()} @click=${() => this.reload()}>${t("settings.reload")}</button></div>`, this.places.changes);
  }

  // Whether the files would be taken as they are now.
  #isUsable() {
    const seen = this.#seen;
    return Boolean(seen && !seen.failed && !seen.problems.length && !seen.refused);
  }

  #verdict(seen) {
    if (seen.failed) return html`<p class="notice bad" role="alert">${icon("warning")}<span>${seen.failed}</span></p>`;
    if (seen.problems.length) {
      return html`<p class="notice bad" role="alert">${icon("cross")}<span>${t("settings.problems", { n: seen.problems.length + (seen.more ?? 0) })}</span></p>
        <pre class="code problems" tabindex="0" lang="en">${seen.problems.join("\n\n")}</pre>`;
    }
    const entries = entriesOf(seen.diff, t);
    const words = { "+": t("diff.added"), "-": t("diff.removed"), "~": t("diff.changed") };
    return html`${seen.refused ? html`<p class="notice warn" role="alert">${icon("warning")}<span>${t("settings.refused")} <span lang="en">${seen.refused}</span></span></p>` : nothing}
      ${entries.length
        ? html`<ul class="diff">${entries.map((one) => html`<li><span class=${`sign ${{ "+": "plus", "-": "less", "~": "edit" }[one.sign]}`}><span aria-hidden="true">${one.sign === "-" ? "−" : one.sign}</span><span class="visually-hidden">${words[one.sign]}</span></span>
            <span class="what">${one.what}</span> <span class="detail mono">${one.detail}</span></li>`)}</ul>`
        : html`<p class="notice ok">${icon("check")}<span>${t("settings.same")}</span></p>`}`;
  }

  #showForce() {
    const told = this.#told;
    if (!told) return;
    draw(html`<dl class="about"><div><dt>${t("settings.file")}</dt><dd class="mono">${told.path}</dd></div>
      <div><dt>${t("settings.since")}</dt><dd>${date(told.since)} <span class="muted">${ago(told.since)}</span></dd></div></dl>
      ${told.problem ? html`<p class="notice warn">${icon("warning")}<span>${t("settings.problem", { when: date(told.problem_at) })}</span></p><pre class="code problems" tabindex="0" lang="en">${told.problem}</pre>` : nothing}`, this.places.about);
    const parts = partsOf(told.settings).map((part) => ({ ...part, lines: linesOf(part.value) }));
    const shown = parts.filter((part) => found([...part.lines, part.name], this.#text));
    draw(shown.length
      ? shown.map((part) => html`<details class="part" ?open=${part.name === "" || this.#text !== ""}><summary><span class="mono">${part.name || t("settings.single")}</span>${part.size === null ? nothing : html` <span class="muted nums">${part.size}</span>`}</summary>
        <pre class="code" tabindex="0">${this.#marked(part.lines)}</pre></details>`)
      : html`<p class="empty">${t("settings.none")}</p>`, this.places.force);
  }

  // The lines that have what is searched for stand out.
  #marked(lines) {
    if (!this.#text.trim()) return lines.join("\n");
    return lines.map((line, at) => html`${at ? "\n" : ""}${found([line], this.#text) ? html`<mark>${line}</mark>` : line}`);
  }
}
