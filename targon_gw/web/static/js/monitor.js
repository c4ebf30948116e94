/* The monitor: how the gateway is and was, as it happens. Everything is asked of this server alone. */

import { get, me } from "./api.js";
import { count, duration, percent, rate } from "./format.js";
import { live } from "./live.js";
import { Admin } from "./monitor/admin.js";
import { Chart } from "./monitor/chart.js";
import { Models } from "./monitor/models.js";
import { SPANS, merge, seriesOf } from "./monitor/points.js";
import { CHARTS } from "./monitor/specs.js";
import { standingOf } from "./monitor/standing.js";
import { greet } from "./shell.js";
import { t } from "./words.js";

const find = (id) => document.getElementById(id);
const AGAIN = 600_000; // milliseconds after which the history is read anew
const AGAIN_SOON = 5_000; // at the earliest, where moments are missing
const PATIENCE = 10_000; // before a history that could not be read is asked for again
const JUST_NOW = 1_500; // a history that was asked for so short ago need not be asked for again
const EVERY = 1000;

const charts = Object.entries(CHARTS).map(([name, spec]) => new Chart(find(`card-${name}`), name, spec));
const models = new Models(find("models"));

let admin = null;
let span = chosenSpan();
let series = null;
let close = null; // of the stream, where there is one
let state = "connecting";
let pausedAt = null;
let toldAt = null; // when the server last told anything, by performance.now()
let ahead = -Infinity; // seconds by which the server's clock is ahead of this one's
let beganAt = null; // when the gateway started, Unix seconds
let readAt = 0;
let asking = 0; // which reading of the history is the newest
let pending = {}; // points that came while the history was being read

function now() {
  return Date.now() / 1000 + (ahead === -Infinity ? 0 : ahead);
}

function chosenSpan() {
  const asked = new URLSearchParams(location.search).get("span");
  return asked in SPANS ? asked : "1h";
}

// -- history and points

async function readHistory() {
  const which = (asking += 1);
  readAt = Date.now();
  const asked = span;
  try {
    const told = await get(`/api/monitor?span=${asked}`);
    if (which !== asking || asked !== span) return;
    setClock(told.at);
    series = seriesOf(told);
    if (pending[asked]) merge(series, pending[asked]);
    models.show(told.models ?? [], now());
    find("charts").classList.remove("waiting");
    find("problem").hidden = true;
    draw();
  } catch (error) {
    if (which !== asking) return;
    find("problem-words").textContent = error.words ?? String(error);
    find("problem").hidden = false;
    readAt = Date.now() - AGAIN + PATIENCE;
  }
}

function draw() {
  if (series === null) return;
  const until = Math.max(series.t.at(-1) ?? 0, Math.floor(now() / series.step) * series.step);
  for (const chart of charts) chart.draw(series, until, now());
}

function points(told) {
  heard();
  pending = { ...pending, ...told };
  if (series === null || series.span !== span || !told[span]) return;
  const found = merge(series, told[span]);
  if (found === "gap" && Date.now() - readAt > AGAIN_SOON) readHistory();
  if (found !== "old") draw();
}

// -- how it is

function overview(told) {
  heard();
  setClock(told.at);
  const { status, reasons } = standingOf(told);
  const sign = { ok: "ok-dot", degraded: "warning", down: "cross" }[status];
  const badge = find("standing");
  if (badge.dataset.status !== status) {
    badge.dataset.status = status;
    badge.className = `standing ${{ ok: "ok", degraded: "warn", down: "bad" }[status]}`;
    badge.querySelector("use").setAttribute("href", badge.dataset.icons + sign);
  }
  setText("standing-word", t(`state.${status}`));
  setText("standing-why", reasons.map(([word, values]) => t(word, values)).join(t("reason.and")));
  figures(told);
}

function figures(told) {
  const { keys, usable, calls, availability } = told.counters ?? {};
  beganAt = told.at - told.uptime_s;
  uptime();
  setText("fact-version", told.version);
  setText("fact-rate", rate(told.rates?.calls_per_second));
  setText("fact-tokens", count(told.rates?.tokens_per_minute));
  setText("fact-in-flight", count(told.rates?.in_flight));
  fact("fact-keys", usable === undefined ? undefined : keys === undefined ? String(usable) : `${usable}/${keys}`);
  fact("fact-calls", calls === undefined ? undefined : count(calls));
  fact("fact-availability", availability === undefined ? undefined : availability === null ? t("no_calls") : percent(availability));
}

function uptime() {
  if (beganAt !== null) setText("fact-uptime", duration(Math.floor(now() - beganAt)));
}

// What the operator hides has no place on the page either.
function fact(id, text) {
  find(id).parentElement.hidden = text === undefined;
  if (text !== undefined) setText(id, text);
}

function setText(id, text) {
  const place = find(id);
  if (place.textContent !== text) place.textContent = text;
  place.classList.remove("skeleton");
}

// -- the stream

function heard() {
  toldAt = performance.now();
}

function setClock(at) {
  if (typeof at !== "number") return;
  // What is told has been under way for a while: of several guesses the latest clock is the truest.
  const guess = at - Date.now() / 1000;
  ahead = guess > ahead || ahead - guess > 2 ? guess : ahead;
}

function connect() {
  const on = {
    overview,
    points,
    models: (told) => {
      heard();
      models.show(told.models, now());
    },
  };
  for (const [name, tell] of Object.entries(admin?.events ?? {})) {
    on[name] = (told) => {
      heard();
      tell(told);
    };
  }
  close = live(admin ? "admin" : "monitor", on, { onState: became });
}

function became(next) {
  state = next;
  if (next === "open") {
    heard();
    if (Date.now() - readAt > JUST_NOW) readHistory();
    admin?.begin();
  } else {
    admin?.end();
  }
  if (next === "waiting" && admin) checkRights();
  fresh();
}

// The stream of administrators broke off: who is none any more goes on as everybody.
async function checkRights() {
  const told = await me({ fresh: true }).catch(() => null);
  if (told === null) return;
  greet(told);
  if (told.admin || admin === null || close === null) return;
  close();
  admin.leave();
  admin = null;
  connect();
}

function pause() {
  const button = find("pause");
  if (pausedAt === null) {
    pausedAt = now();
    close?.();
    close = null;
  } else {
    pausedAt = null;
    connect();
  }
  const paused = pausedAt !== null;
  button.setAttribute("aria-pressed", String(paused));
  button.querySelector("span").textContent = t(paused ? "go_on" : "pause");
  button.querySelector("use").setAttribute("href", button.dataset.icons + (paused ? "play" : "pause"));
  find("monitor").classList.toggle("paused", paused);
  fresh();
}

// How fresh the figures are, in words.
function fresh() {
  const place = find("fresh");
  const seconds = toldAt === null ? null : Math.floor((performance.now() - toldAt) / 1000);
  const old = seconds === null ? "" : seconds < 1 ? t("fresh.now") : t("fresh.ago", { span: duration(seconds) });
  const kind = pausedAt !== null ? "paused" : state;
  place.className = `fresh ${kind}`;
  const word = kind === "paused" ? t("fresh.paused") : t(`live.${state}`);
  setText("fresh", [word, old].filter(Boolean).join(" · "));
}

// -- time, and what people do

function turn() {
  fresh();
  if (pausedAt !== null || document.visibilityState === "hidden") return;
  uptime();
  admin?.turn();
  models.turn(now());
  if (state !== "open") return;
  const age = Date.now() - readAt;
  // Where nothing happens nothing is told, and time goes on all the same.
  const behind = series !== null && now() - (series.t.at(-1) ?? 0) > series.step * 2;
  if (age > AGAIN || (behind && age > Math.max(AGAIN_SOON, series.step * 1000))) readHistory();
}

function choose(next) {
  if (next === span) return;
  span = next;
  const address = new URL(location.href);
  address.searchParams.set("span", next);
  history.replaceState(null, "", address);
  find("charts").classList.add("waiting");
  readHistory();
}

async function begin() {
  for (const radio of document.querySelectorAll("input[name=span]")) {
    radio.checked = radio.value === span;
    radio.addEventListener("change", () => choose(radio.value));
  }
  find("pause").addEventListener("click", pause);
  find("problem-again").addEventListener("click", readHistory);
  document.addEventListener("tg:theme", () => charts.forEach((chart) => chart.redraw()));
  setInterval(turn, EVERY);
  if (document.documentElement.dataset.session === "yes") {
    const told = await me().catch(() => null);
    if (told?.admin) admin = new Admin(now);
  }
  connect();
  readHistory();
}

begin();
