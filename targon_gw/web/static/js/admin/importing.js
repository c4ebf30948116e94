// Keys by the hundred: pasted or dropped, seen before anything happens, tested live, taken as one batch, taken back.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { del, get, post } from "../api.js";
import { date } from "../format.js";
import { badge, icon } from "../monitor/marks.js";
import { reasonWords } from "../monitor/reasons.js";
import { toast } from "../toast.js";
import { t } from "../words.js";
import { Batch, RESULTS, WHICH, named, taken, tested, toConfirm, usual } from "./batch.js";
import { ask } from "./dialogs.js";
import { draw } from "./dom.js";
import { RESULT_ICONS, RESULT_TONES, previewRows, resultRows, stateBadge } from "./importview.js";

const API = "/api/admin/keys/import";
const PAUSE = 350; // milliseconds without a key press before what was typed is looked at
const POLL = 700;
const LARGEST = 1 << 20;

export class Importing {
  #text = "";
  #upstream = "";
  #note = "";
  #preview = null;
  #problem = "";
  #filter = "";
  #batch = null;
  #which = "all";
  #busy = false;
  #over = false;
  #turn = 0;
  #timer = 0;
  #batches = [];

  // `changed()` is told when keys have come or gone.
  constructor(place, list, changed) {
    Object.assign(this, { place, list, changed, upstreams: [] });
  }

  open(upstreams) {
    this.upstreams = upstreams;
    if (!upstreams.includes(this.#upstream)) this.#upstream = upstreams[0] ?? "";
    this.#show();
    this.#look();
  }

  // -- before anything happens --

  #typed = (event) => {
    this.#text = event.target.value;
    this.#soon();
  };

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#read(), PAUSE);
  }

  async #read() {
    const turn = ++this.#turn;
    this.#problem = "";
    if (!this.#text.trim()) {
      this.#preview = null;
      return this.#show();
    }
    if (this.#text.length > LARGEST) {
      this.#preview = null;
      this.#problem = t("import.too_much");
      return this.#show();
    }
    try {
      const told = await post(`${API}/preview`, { text: this.#text, upstream: this.#upstream });
      if (turn !== this.#turn) return;
      this.#preview = told;
      this.#filter = told.counts.new ? "" : "malformed";
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#preview = null;
      this.#problem = error.words ?? String(error);
    }
    this.#show();
  }

  async #took(file) {
    if (!file) return;
    if (file.size > 4 * LARGEST) {
      this.#problem = t("import.too_much");
      return this.#show();
    }
    this.#text = await file.text();
    this.place.querySelector("textarea").value = this.#text;
    await this.#read();
  }

  #dragged = (event) => {
    event.preventDefault();
    const over = event.type === "dragover";
    if (over !== this.#over) {
      this.#over = over;
      this.#show();
    }
  };

  #dropped = (event) => {
    event.preventDefault();
    this.#over = false;
    const [file] = event.dataTransfer.files;
    if (file) this.#took(file);
    else {
      this.#text = event.dataTransfer.getData("text/plain");
      this.place.querySelector("textarea").value = this.#text;
      this.#read();
    }
    this.#show();
  };

  // -- testing --

  async #during(work) {
    this.#busy = true;
    this.#problem = "";
    this.#show();
    try {
      await work();
    } catch (error) {
      this.#problem = error.words ?? String(error);
    } finally {
      this.#busy = false;
      this.#show();
    }
  }

  async #begun() {
    const told = await post(API, { text: this.#text, upstream: this.#upstream, note: this.#note });
    this.#batch = new Batch(told);
    this.#filter = "";
  }

  #test = async () => {
    await this.#during(async () => {
      if (this.#batch === null) await this.#begun();
      this.#batch.take(await post(`${API}/${this.#batch.id}/test`));
      this.#poll();
    });
    this.place.querySelector(".stop-tests")?.focus();
  };

  #stop = () => this.#during(async () => this.#batch.take(await post(`${API}/${this.#batch.id}/stop`)));

  #poll() {
    const batch = this.#batch;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        const told = await get(`${API}/${batch.id}?since=${batch.turn}`);
        if (this.#batch !== batch) return;
        batch.take(told);
        if (batch.state === "testing") this.#poll();
        else this.#ended();
      } catch (error) {
        if (this.#batch !== batch) return;
        if (error.status === 404) this.#batch = null;
        else this.#poll();
        this.#problem = error.words ?? String(error);
      }
      this.#show();
      // The button that stopped them had the focus, and is gone.
      if (document.activeElement === document.body) this.place.querySelector(".choices input:checked")?.focus();
    }, POLL);
  }

  #ended() {
    this.#which = usual(this.#batch.counts);
    if (!taken(this.#batch.counts, this.#which)) this.#which = "all";
    toast(this.#summary(this.#batch.counts), "ok", { quiet: true });
  }

  // -- taking, and taking back --

  #apply = async (which) => {
    await this.#during(async () => {
      if (this.#batch === null) await this.#begun();
      this.#batch.take(await post(`${API}/${this.#batch.id}/apply`, { which }));
      toast(t("import.applied", { n: this.#batch.written }));
      this.#text = "";
      this.#preview = null;
      this.changed();
      await this.#look();
    });
    this.place.querySelector(".again")?.focus();
  };

  #untested = () =>
    ask({
      title: t("import.untested"),
      text: t("import.untested_text", { n: this.#preview.counts.new }),
      confirm: t("import.untested_go", { n: this.#preview.counts.new }),
      go: () => this.#apply("all"),
    });

  #again = () => {
    const old = this.#batch;
    if (old && old.state !== "applied") del(`${API}/${old.id}`).catch(() => {});
    clearTimeout(this.#timer);
    this.#batch = null;
    this.#problem = "";
    this.#show();
    const box = this.place.querySelector("textarea");
    box.value = this.#text;
    box.focus();
    if (this.#text) this.#read();
  };

  #undo(batch, keys) {
    const path = `${API}/${encodeURIComponent(batch)}/undo`;
    const done = (told) => {
      toast(t("import.undone", { batch: told.batch }));
      if (this.#batch?.id === batch) this.#again();
      this.changed();
      this.#look();
      return true;
    };
    return ask({
      title: t("import.undo"),
      text: t("import.undo_text", { batch, n: keys }),
      confirm: t("import.undo_go"),
      danger: true,
      go: async () => {
        try {
          return done(await post(path));
        } catch (error) {
          const most = error.code === "confirm_removal" ? toConfirm(error.message) : null;
          if (most === null) throw error;
          setTimeout(() => this.#confirm(path, most, done));
          return true;
        }
      },
    });
  }

  #confirm(path, most, done) {
    return ask({
      title: t("import.most"),
      warn: t("import.most_text", { n: most }),
      confirm: t("import.most_go", { n: most }),
      danger: true,
      go: async () => done(await post(path, { confirm_removal: most })),
    });
  }

  async #look() {
    try {
      this.#batches = (await get(API)).batches;
    } catch (error) {
      this.#problem = error.words ?? String(error);
    }
    this.#list();
  }

  // -- how it looks --

  #show() {
    const stage = this.#batch === null ? this.#editing() : this.#following();
    draw(html`${stage}${this.#problem ? html`<p class="notice bad" role="alert">${icon("warning")}<span>${this.#problem}</span></p>` : nothing}`, this.place);
  }

  #editing() {
    const found = this.#preview;
    const fresh = found?.counts.new ?? 0;
    return html`<div class="import-box">
      <div class=${this.#over ? "drop over" : "drop"} @dragover=${this.#dragged} @dragleave=${this.#dragged} @drop=${this.#dropped}>
        <label for="import-text">${t("import.paste")}</label>
        <textarea id="import-text" class="mono" rows="7" spellcheck="false" autocapitalize="none" autocomplete="off"
          aria-describedby="import-hint" placeholder=${t("import.example")} @input=${this.#typed}></textarea>
        <p class="hint" id="import-hint">${t("import.hint")}
          <button type="button" class="link-button" @click=${(event) => event.currentTarget.nextElementSibling.click()}>${t("import.file")}</button><input type="file" class="visually-hidden" tabindex="-1" aria-hidden="true"
            accept=".txt,.env,.json,.jsonl,.yaml,.yml,.csv,text/*" @change=${(event) => { this.#took(event.target.files[0]); event.target.value = ""; }}></p>
      </div>
      <div class="import-fields">
        ${this.upstreams.length > 1
          ? html`<div class="field"><label for="import-upstream">${t("import.upstream")}</label>
              <select id="import-upstream" @change=${(event) => { this.#upstream = event.target.value; this.#read(); }}>
                ${this.upstreams.map((name) => html`<option ?selected=${name === this.#upstream}>${name}</option>`)}</select></div>`
          : nothing}
        <div class="field"><label for="import-note">${t("import.note")}</label>
          <input id="import-note" type="text" maxlength="200" autocomplete="off" placeholder=${t("import.note_example")} .value=${this.#note}
            @input=${(event) => { this.#note = event.target.value; }}></div>
      </div></div>
      <div aria-live="polite">${found ? this.#tiles(found) : nothing}</div>
      ${found ? previewRows(found.rows, this.#filter) : nothing}
      ${found ? html`<div class="actions-row">
        <button type="button" class="button primary" ?disabled=${this.#busy || !fresh} @click=${this.#test}>${fresh ? t("import.test", { n: fresh }) : t("import.none")}</button>
        ${fresh ? html`<button type="button" class="button" ?disabled=${this.#busy} @click=${this.#untested}>${t("import.untested")}</button>` : nothing}
        <p class="hint">${t("import.nothing_live")}</p></div>` : nothing}`;
  }

  #tiles({ counts, rows }) {
    const tile = (what, n, words, tone) => html`<button type="button" class=${`tile ${n ? tone : ""}`} aria-pressed=${String(this.#filter === what)}
      @click=${() => { this.#filter = this.#filter === what ? "" : what; this.#show(); }}>
      <span class="figure nums">${n}</span> <span class="word">${words}</span></button>`;
    const known = named(rows.filter((row) => row.verdict === "known").map((row) => row.id), 3);
    const bad = named(rows.filter((row) => row.verdict === "malformed").map((row) => row.line));
    const more = (each) => each.shown.join(", ") + (each.more ? ` +${each.more}` : "");
    const details = [];
    if (counts.twice) details.push(t("import.in_paste", { n: counts.twice }));
    if (counts.known) details.push(t("import.in_pool", { n: counts.known, ids: more(known) }));
    if (counts.malformed) details.push(t("import.bad_lines", { lines: more(bad) }));
    return html`<div class="tiles">
        ${tile("", counts.lines, t("tile.lines"), "")}
        ${tile("new", counts.new, t("tile.new"), "ok")}
        ${tile("duplicate", counts.twice + counts.known, t("tile.duplicate"), "")}
        ${tile("malformed", counts.malformed, t("tile.malformed"), "warn")}
      </div>${details.length ? html`<p class="tiles-more">${details.join(" · ")}</p>` : nothing}`;
  }

  #summary(counts) {
    return RESULTS.filter((result) => counts[result]).map((result) => `${t(`result.${result}`)} ${counts[result]}`).join(" · ");
  }

  #following() {
    const batch = this.#batch;
    const { counts } = batch;
    const far = tested(counts);
    const rows = batch.rows(this.#filter);
    return html`<div class="follow">
      <div class="follow-head"><h3><span class="mono">${batch.id}</span> ${stateBadge(batch.state)}</h3>
        ${batch.state === "testing"
          ? html`<button type="button" class="button small stop-tests" ?disabled=${this.#busy} @click=${this.#stop}>${icon("stop", true)}${t("import.stop")}</button>`
          : nothing}</div>
      ${batch.state === "read" ? nothing : html`<progress max="1" value=${far.share} aria-label=${t("import.progress")}></progress>
        <p class="nums" role="status">${t("import.tested", far)}</p>`}
      <div class="tiles results">${RESULTS.filter((result) => counts[result]).map(
        (result) => html`<button type="button" class=${`tile ${RESULT_TONES[result]}`} aria-pressed=${String(this.#filter === result)}
          @click=${() => { this.#filter = this.#filter === result ? "" : result; this.#show(); }}>
          <span class="figure nums">${counts[result]}</span> <span class="word">${icon(RESULT_ICONS[result], true)}${t(`result.${result}`)}</span></button>`,
      )}</div>
      ${batch.problem ? html`<p class="notice warn">${icon("warning")}<span>${t("import.ended_early")} <span lang="en">${reasonWords(batch.problem, t)}</span></span></p>` : nothing}
      ${rows.length && batch.state !== "applied" ? resultRows(rows) : nothing}
      ${this.#choices(batch)}</div>`;
  }

  #choices(batch) {
    if (batch.state === "testing") return html`<p class="hint">${t("import.nothing_live")}</p>`;
    if (batch.state === "applied") {
      return html`<p class="notice ok" role="status">${icon("check")}<span>${t("import.applied", { n: batch.written })}</span></p>
        <div class="actions-row"><button type="button" class="button primary again" @click=${this.#again}>${t("import.again")}</button>
        <button type="button" class="button" @click=${() => this.#undo(batch.id, batch.written)}>${t("import.undo")}</button></div>`;
    }
    const n = taken(batch.counts, this.#which);
    const left = batch.counts.untried + batch.counts.failed;
    return html`<fieldset class="choices"><legend>${t("import.which")}</legend>
      ${WHICH.map((which) => html`<label><input type="radio" name="which" value=${which} .checked=${this.#which === which}
        ?disabled=${!taken(batch.counts, which)} @change=${() => { this.#which = which; this.#show(); }}>
        <span>${t(`which.${which}`)} <span class="muted nums">${taken(batch.counts, which)}</span></span></label>`)}</fieldset>
      <div class="actions-row"><button type="button" class="button primary" ?disabled=${this.#busy || !n} @click=${() => this.#apply(this.#which)}>${t("import.apply", { n })}</button>
        ${left ? html`<button type="button" class="button" ?disabled=${this.#busy} @click=${this.#test}>${t("import.retest", { n: left })}</button>` : nothing}
        <button type="button" class="button plain" ?disabled=${this.#busy} @click=${this.#again}>${t("import.back")}</button></div>`;
  }

  #list() {
    const applied = this.#batches.filter((one) => one.state === "applied");
    this.list.closest("section").hidden = applied.length === 0;
    draw(html`<ul class="batches">${applied.map((one) => html`<li>
      <span class="mono">${one.batch}</span> ${badge("usable", t("batch.applied"))}
      <span class="muted nums">${t("import.listed", { n: one.keys, upstream: one.upstream })}${one.at ? ` · ${date(one.at)}` : ""}</span>
      <button type="button" class="button small" aria-label=${t("import.undo_of", { batch: one.batch })} @click=${() => this.#undo(one.batch, one.keys)}>${t("import.undo")}</button></li>`)}</ul>`, this.list);
  }
}
