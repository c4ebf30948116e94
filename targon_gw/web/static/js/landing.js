/* The landing page: its figures as they change, the last 90 minutes, what can be copied. */

import { get } from "./api.js";
import { copyButton } from "./copy.js";
import { clock, count, number, percent, rate } from "./format.js";
import { live } from "./live.js";
import { t } from "./words.js";

const CELLS = 90;
const at = (id) => document.getElementById(id);

function put(id, text, title = "") {
  const element = at(id);
  if (element.textContent !== text) element.textContent = text;
  if (title) element.title = title;
}

const MARKS = { ok: "check", degraded: "warning", down: "cross" };
const TONES = { ok: "ok", degraded: "warn", down: "bad" };

function showState(status) {
  const word = t(`state.${status}`);
  if (at("state-word").textContent === word) return; // it is read out: only when it changes
  at("state").className = `badge state ${TONES[status] ?? ""}`;
  const icon = at("state-icon");
  icon.setAttribute("href", icon.getAttribute("href").replace(/#.*/, `#${MARKS[status] ?? "clock"}`));
  at("state-word").textContent = word;
}

function showCounters({ keys, usable, calls, availability }) {
  if (keys !== undefined) put("keys", count(keys), number(keys));
  if (usable !== undefined) put("usable", count(usable), number(usable));
  if (calls !== undefined) put("calls", count(calls), number(calls));
  if (availability === undefined) return;
  const quiet = availability === null;
  put("availability", quiet ? t("now.no_traffic") : percent(availability));
  at("availability").classList.toggle("quiet", quiet);
}

// -- the last 90 minutes ---------------------------------------------------------------------------------------------

const strip = at("cells");
const bars = Array.from({ length: CELLS }, () => document.createElement("span"));
let cells = [];
let chosen = null; // the index under the pointer or the keyboard; null: none, and the newest is told

function words([minute, calls, failed, codes]) {
  const time = clock(minute, { seconds: false });
  if (!calls) return t("strip.quiet", { time });
  if (!failed) return t("strip.minute", { time, n: calls });
  const told = Object.entries(codes ?? {}).map(([code, n]) => t("strip.codes", { n, code: /^\d+$/.test(code) ? code : t("strip.cut") }));
  return t("strip.failed", { time, n: calls, failed, codes: told.join(", ") });
}

function showCells(told) {
  cells = told.slice(-CELLS);
  const missing = CELLS - cells.length;
  bars.forEach((bar, index) => {
    const cell = cells[index - missing];
    const kind = !cell || !cell[1] ? "none" : cell[2] ? "part" : "whole";
    bar.className = `cell ${kind}`;
    // A failure among thousands is still to be seen: a fifth of the height at the least.
    if (kind === "part") bar.style.setProperty("--failed", `${Math.max(20, (100 * cell[2]) / cell[1])}%`);
  });
  tell();
}

function tell() {
  const index = chosen ?? CELLS - 1;
  const cell = cells[index - (CELLS - cells.length)];
  const said = cell ? words(cell) : "";
  bars.forEach((bar, at) => bar.classList.toggle("chosen", chosen === at));
  strip.setAttribute("aria-valuenow", String(index + 1));
  strip.setAttribute("aria-valuetext", said || t("loading"));
  put("strip-said", chosen === null ? sum() : said);
}

function sum() {
  if (cells.length === 0) return "";
  const [calls, failed] = cells.reduce(([all, bad], cell) => [all + cell[1], bad + cell[2]], [0, 0]);
  return calls ? t("strip.sum", { n: count(calls), failed: count(failed) }) : t("strip.nothing");
}

function choose(index) {
  chosen = index === null ? null : Math.min(CELLS - 1, Math.max(0, index));
  tell();
}

function under(event) {
  const box = strip.getBoundingClientRect();
  return Math.floor(((event.clientX - box.left) / box.width) * CELLS);
}

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -CELLS, End: CELLS };

strip.append(...bars);
strip.addEventListener("pointermove", (event) => choose(under(event)));
strip.addEventListener("pointerdown", (event) => choose(under(event)));
strip.addEventListener("pointerleave", () => choose(null));
strip.addEventListener("focus", () => choose(chosen ?? CELLS - 1));
strip.addEventListener("blur", () => choose(null));
strip.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (step === undefined) return;
  event.preventDefault();
  choose((chosen ?? CELLS - 1) + step);
});
showCells([]);

// -- all of it -------------------------------------------------------------------------------------------------------

function show(told) {
  showState(told.status);
  showCounters(told.counters);
  showCells(told.cells);
  const { calls_per_second: calls, tokens_per_minute: tokens, in_flight: flight } = told.rates;
  put("rates", t("now.rates", { calls: rate(calls), tokens: count(tokens), flight: number(flight) }));
}

live("overview", { overview: show }, {
  onState(state) {
    // What keeps a stream from coming through (a proxy that buffers) may let a plain answer pass.
    if (state === "waiting") get("/api/overview").then(show, () => {});
  },
});
copyButton(at("copy-address"), () => at("address").textContent);
copyButton(at("copy-sample"), () => at("sample").textContent);
