// Tests of targon_gw/web/static/js/monitor/specs.js, and of the words and the page that go with the scripts.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { CLASSES } from "../../../targon_gw/web/static/js/monitor/points.js";
import { PHRASES } from "../../../targon_gw/web/static/js/monitor/reasons.js";
import { CHARTS, columnsOf, drawingOrder, heightsOf } from "../../../targon_gw/web/static/js/monitor/specs.js";

const STATIC = new URL("../../../targon_gw/web/static/", import.meta.url);
const read = (path) => readFileSync(new URL(path, STATIC), "utf8");
const words = { ...JSON.parse(read("words/shell.json")), ...JSON.parse(read("words/monitor.json")) };
const page = read("pages/monitor.html");
const scripts = ["js/monitor.js", ...readdirSync(new URL("js/monitor/", STATIC)).map((name) => `js/monitor/${name}`)].map(read);

test("failures stand upon each other, drawn from the tallest; what was made good is a line of its own", () => {
  const spec = CHARTS.errors;
  const series = { errors: Object.fromEntries(CLASSES.map((name, n) => [name, [n + 1]])) };
  const columns = columnsOf(spec, series);
  assert.deepEqual(columns, [[1], [2], [3], [4], [5], [6]]);
  assert.deepEqual(heightsOf(spec, columns), [[15], [10], [6], [3], [1], [6]]);
  assert.deepEqual(drawingOrder(spec).map((line) => line.word), [
    "line.cut", "line.unavailable", "line.upstream", "line.limited", "line.caller", "line.retried",
  ]);
});

test("other charts draw their figures as they are", () => {
  const series = { first_p50: [1], first_p95: [2] };
  assert.deepEqual(heightsOf(CHARTS.first, columnsOf(CHARTS.first, series)), [[1], [2]]);
});

test("each chart has its card, with a value for each line, in their order", () => {
  for (const [name, spec] of Object.entries(CHARTS)) {
    const card = page.slice(page.indexOf(`id="card-${name}"`)).split("</article>")[0];
    const lines = [...card.matchAll(/<li class="line-([\w]+)">/g)].map((found) => `line.${found[1]}`);
    assert.deepEqual(lines, spec.lines.map((line) => line.word));
    assert.equal(card.split("<th scope").length - 1, lines.length + 1);
  }
});

test("every colour of a line is there, in both themes and in the system's dark", () => {
  const css = read("css/monitor/charts.css");
  for (const { colour } of Object.values(CHARTS).flatMap((spec) => spec.lines)) {
    assert.equal(css.split(`${colour}: #`).length - 1, 3, colour);
  }
});

test("every word that the page or a script asks for is there", () => {
  const asked = [...page.matchAll(/\{\{([^@}][^}]*)\}\}/g)].map((found) => found[1]);
  for (const script of scripts) asked.push(...[...script.matchAll(/\bt\("([^"]+)"/g)].map((found) => found[1]));
  for (const name of Object.keys(PHRASES)) asked.push(`why.${name}`);
  for (const { word } of Object.values(CHARTS).flatMap((spec) => spec.lines)) asked.push(word);
  assert.ok(asked.length > 100);
  assert.deepEqual(asked.filter((key) => !(key in words)), []);
});

test("words that are put together at need are there for all that there is", () => {
  const sets = {
    state: ["ok", "degraded", "down", "available", "unavailable", "usable", "cooling", "exhausted", "barred", "disabled", "draining"],
    ending: ["served", "refused", "failed", "truncated", "abandoned"],
    health: ["ready", "trial", "cooling", "exhausted", "suspect", "barred", "disabled"],
    source: ["upstream", "counted", "estimated", "unknown"],
    class: ["2xx", "4xx", "429", "5xx", "left", "cut", "tried"],
    per: ["hour", "day", "month", "total"],
    live: ["connecting", "open", "waiting", "hidden", "closed"],
    kind: ["reasoning", "chat", "coding", "embedding"],
    col: ["state", "key", "why", "until", "in_flight", "calls", "errors", "tokens", "account", "usable", "client", "requests",
      "tokens_all", "quota", "time", "call", "model", "tries", "status", "first", "total", "tokens_of"],
  };
  for (const [set, names] of Object.entries(sets)) for (const name of names) assert.ok(`${set}.${name}` in words, `${set}.${name}`);
  for (const name of ["no_keys", "none_usable", "all_usable", "draining"]) assert.ok(`reason_${name}` in words);
  for (const state of ["cooling", "exhausted", "barred", "disabled"]) {
    for (const key of [`reason_${state}`, `reason_${state}_of`, `reason_${state}_all`]) assert.ok(key in words, key);
  }
});

test("both languages say everything, with the same figures in it", () => {
  const own = JSON.parse(read("words/monitor.json"));
  const holes = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
  for (const [key, { zh, en }] of Object.entries(own)) {
    assert.ok(zh && en, key);
    if (!key.endsWith(".one")) assert.deepEqual(holes(zh), holes(en), key);
    const plain = en.length < 3 || /^[\w.{} /%·]+$/.test(zh);
    assert.ok(plain || /[\u4e00-\u9fff]/.test(zh), `${key}: ${zh}`);
  }
});
