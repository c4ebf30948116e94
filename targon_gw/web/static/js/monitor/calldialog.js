// One call with its attempts, as a waterfall: who was asked, for how long, and why that was not enough.

import { html, nothing, render, svg } from "../../vendor/lit-html/lit-html.js";
import { ApiError, get } from "../api.js";
import { copyButton } from "../copy.js";
import { clock, date, duration, number, usd } from "../format.js";
import { t } from "../words.js";
import { tokensOf } from "./calls.js";
import { badge, icon } from "./marks.js";
import { reasonWords } from "./reasons.js";
import { laid, placeOf } from "./waterfall.js";

export class CallDialog {
  #asked = null; // the id that was asked for last

  constructor(dialog) {
    this.dialog = dialog;
    this.body = dialog.querySelector(".dialog-body");
    this.title = dialog.querySelector(".dialog-id");
    dialog.querySelector(".dialog-close").addEventListener("click", () => dialog.close());
    copyButton(dialog.querySelector(".copy-id"), () => this.title.textContent);
  }

  // Show `call`, a row of the log: what is known at once, then what the server has.
  async open(call) {
    this.#asked = call.id;
    this.title.textContent = call.id;
    this.#show({ ...call, failed_attempts: call.failed });
    this.dialog.showModal();
    try {
      const told = await get(`/api/admin/calls/${encodeURIComponent(call.id)}`);
      if (this.#asked === call.id) this.#show(told);
    } catch (error) {
      if (this.#asked !== call.id) return;
      const gone = error instanceof ApiError && error.status === 404;
      this.#show({ ...call, failed_attempts: call.failed }, gone ? t("call.gone") : (error.words ?? String(error)));
    }
  }

  #show(call, problem = null) {
    const fall = laid(call);
    render(html`
      ${problem ? html`<p class="notice warn">${icon("warning")}<span>${problem}</span></p>` : nothing}
      <dl class="call-facts">${facts(call).map(([word, value]) => html`<div><dt>${t(word)}</dt><dd>${value}</dd></div>`)}</dl>
      <h3>${t("fall.title")}</h3>
      ${fall.bars.length ? waterfall(fall) : html`<p class="muted">${t("fall.none")}</p>`}
      ${fall.bars.some((bar) => bar.placed) ? html`<p class="muted small">${t("fall.placed")}</p>` : nothing}`, this.body);
  }
}

function facts(call) {
  const tokens = tokensOf({ failed: [], ...call });
  const rows = [
    ["fact.ended", html`${badge(call.ending, t(`ending.${call.ending}`))} <span class="nums">${call.status ?? ""}</span>`],
    ["fact.at", date(call.at).replace(/\d\d:\d\d$/, clock(call.at))],
    ["fact.client", call.client],
    ["fact.reference", call.reference],
    ["fact.model", call.model],
    ["fact.served", call.served && call.served !== call.model ? call.served : null],
    ["fact.key", call.key ? html`<span class="mono">${call.key}</span> · ${call.upstream}` : null],
    ["fact.first", call.first === undefined ? null : duration(call.first)],
    ["fact.total", duration(call.took ?? 0)],
    ["of.tokens", tokens === null ? null : t("fact.tokens_of", {
      prompt: number(call.prompt ?? 0), completion: number(call.completion ?? 0), source: t(`source.${call.source}`),
    })],
    ["fact.cost", call.cost ? usd(call.cost) : null],
    ["fact.note", reasonWords(call.note, t)],
  ];
  return rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
}

function waterfall({ bars, total, ticks }) {
  const place = (at) => `${(at / total) * 100}%`;
  return html`<div class="fall">
    <svg class="fall-time" aria-hidden="true">${ticks.map((at) => svg`<text x=${place(at)} y="11">${at ? duration(at) : "0"}</text>`)}</svg>
    <ol class="fall-bars">${bars.map((bar) => html`<li class=${bar.kind}>
      <div class="fall-who">
        <span class="mono">${bar.key ?? "—"}</span> <span class="muted">${bar.upstream ?? ""}</span>
        <span class=${`badge ${bar.kind === "served" ? "ok" : "bad"}`}>${icon(bar.kind === "served" ? "check" : "cross", true)}${bar.status ?? t("fall.no_status")}</span>
      </div>
      <svg class="fall-bar" aria-hidden="true">
        ${ticks.map((at) => svg`<line class="tick" x1=${place(at)} x2=${place(at)} y1="0" y2="100%"></line>`)}
        ${drawnBar(bar, placeOf(bar, total))}
      </svg>
      <p class="fall-why">${saying(bar)}</p>
    </li>`)}</ol>
  </div>`;
}

// Of what served, the wait for the first token is paler than the answer.
function drawnBar(bar, { left, width, first }) {
  const waited = first === null ? 0 : first;
  const rect = (kind, from, wide) => svg`<rect class=${kind} x=${`${from}%`} width=${`${wide}%`} y="5" height="14" rx="3"></rect>`;
  if (bar.kind === "failed") return rect(bar.placed ? "bad placed" : "bad", left, width);
  return [waited > 0 ? rect("wait", left, waited) : nothing, rect("good", left + waited, Math.max(0.6, width - waited))];
}

// The bar in words: from when, how long, and what came of it.
function saying(bar) {
  const when = bar.placed
    ? t("fall.took", { took: duration(bar.took) })
    : t("fall.from", { from: duration(bar.from), took: duration(bar.took) });
  const first = bar.first === null ? "" : t("fall.first", { first: duration(bar.first) });
  const why = reasonWords(bar.reason, t) ?? (bar.kind === "served" ? t("fall.served") : t("fall.unknown"));
  return [when, first, why].filter(Boolean).join(" · ");
}
