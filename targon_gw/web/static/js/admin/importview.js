// How rows of an import look: before it begins, and while it is tested.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { duration } from "../format.js";
import { icon } from "../monitor/marks.js";
import { reasonWords } from "../monitor/reasons.js";
import { t } from "../words.js";
import { rowsOf } from "./batch.js";

const SHOWN = 200; // rows
const TONES = { new: "ok", twice: "off", known: "off", malformed: "warn" };
export const RESULT_TONES = { ok: "ok", throttled: "warn", exhausted: "bad", rejected: "bad", failed: "warn", untried: "off" };
export const RESULT_ICONS = { ok: "check", throttled: "clock", exhausted: "minus", rejected: "cross", failed: "warning", untried: "more" };
const STATES = { testing: ["warn", "clock"], tested: ["ok", "check"], applied: ["ok", "ok-dot"], undone: ["off", "minus"], read: ["off", "info"] };

// Why a row is not taken.
function why(row) {
  if (row.verdict === "twice") return t("verdict.of", { line: row.of });
  if (row.verdict === "malformed") return t(`fault.${row.fault}`);
  return row.verdict === "known" ? t("verdict.known_why") : "";
}

// The rows of a preview that `filter` asks for.
export function previewRows(rows, filter) {
  const wanted = rowsOf(rows, filter);
  if (!wanted.length) return nothing;
  return html`<div class="scroll rows" tabindex="0" role="group" aria-label=${t("import.rows")}><table class="table small">
    <thead><tr><th scope="col" class="right">${t("col.line")}</th><th scope="col">${t("col.key")}</th><th scope="col">${t("col.verdict")}</th><th scope="col">${t("col.account")}</th><th scope="col">${t("col.note")}</th></tr></thead>
    <tbody>${wanted.slice(0, SHOWN).map((row) => html`<tr>
      <td class="right nums muted">${row.line}</td>
      <td><span class="mono nowrap">${row.masked ?? "—"}</span> <span class="mono muted">${row.id ?? ""}</span></td>
      <td><span class=${`badge ${TONES[row.verdict]}`}>${t(`verdict.${row.verdict}`)}</span> <span class="muted">${why(row)}</span></td>
      <td>${row.account ?? ""}</td><td class="wrap">${row.note}</td></tr>`)}
    </tbody></table>${wanted.length > SHOWN ? html`<p class="muted more-rows">${t("import.more", { n: wanted.length - SHOWN })}</p>` : nothing}</div>`;
}

// The rows of a batch, with how each one's test came out.
export function resultRows(rows) {
  return html`<div class="scroll rows" tabindex="0" role="group" aria-label=${t("import.rows")}><table class="table small">
    <thead><tr><th scope="col" class="right">${t("col.line")}</th><th scope="col">${t("col.key")}</th><th scope="col">${t("col.result")}</th><th scope="col" class="right">${t("col.took")}</th><th scope="col">${t("col.account")}</th></tr></thead>
    <tbody>${rows.slice(0, SHOWN).map((row) => html`<tr>
      <td class="right nums muted">${row.line}</td>
      <td><span class="mono nowrap">${row.masked}</span> <span class="mono muted">${row.id}</span></td>
      <td><span class=${`badge ${RESULT_TONES[row.result]}`}>${icon(RESULT_ICONS[row.result], true)}${t(`result.${row.result}`)}</span>
        ${row.result === "ok" || !row.reason ? nothing : html`<span class="muted">${reasonWords(row.reason, t)}</span>`}</td>
      <td class="right nums muted">${row.took === null ? "" : duration(row.took)}</td><td>${row.account ?? ""}</td></tr>`)}
    </tbody></table>${rows.length > SHOWN ? html`<p class="muted more-rows">${t("import.more", { n: rows.length - SHOWN })}</p>` : nothing}</div>`;
}

// How far a batch is, in a word.
export function stateBadge(state) {
  const [tone, sign] = STATES[state];
  return html`<span class=${`badge ${tone}`}>${icon(sign, true)}${t(`batch.${state}`)}</span>`;
}
