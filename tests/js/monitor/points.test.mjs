// Tests of targon_gw/web/static/js/monitor/points.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CLASSES, SPANS, drawn, lonely, merge, newest, seriesOf, slid, stacked } from "../../../targon_gw/web/static/js/monitor/points.js";

const history = (t, step = 5, span = "15m") => ({
  at: 0, span, step, t,
  calls: t.map((_, n) => n), tokens: t.map(() => 60), first_p50: t.map(() => null), first_p95: t.map(() => 0.5),
  errors: Object.fromEntries(CLASSES.map((name) => [name, t.map(() => 0)])),
});
const point = (t, calls = 9) => ({ t, calls, tokens: 1, first_p50: 0.1, first_p95: 0.2, errors: { cut: 3 } });

test("history becomes a series; what came short is a gap", () => {
  const told = history([10, 15, 20]);
  delete told.errors.cut;
  told.tokens = [1];
  const series = seriesOf(told);
  assert.deepEqual(series.calls, [0, 1, 2]);
  assert.deepEqual(series.tokens, [1, null, null]);
  assert.deepEqual(series.errors.cut, [null, null, null]);
});

test("a point that is still filling takes the place of what was told of it", () => {
  const series = seriesOf(history([10, 15]));
  assert.equal(merge(series, point(15, 4)), "same");
  assert.deepEqual([series.t, series.calls], [[10, 15], [0, 4]]);
  assert.deepEqual(series.errors.cut, [0, 3]);
  assert.deepEqual(series.errors.caller, [0, null], "what a point does not tell is not known");
});

test("the next moment is put behind", () => {
  const series = seriesOf(history([10, 15]));
  assert.equal(merge(series, point(20)), "next");
  assert.deepEqual(series.t, [10, 15, 20]);
  assert.equal(series.first_p50[2], 0.1);
});

test("the last moment is told once more when it is full, behind the first figures of the next", () => {
  const series = seriesOf(history([10, 15]));
  merge(series, point(20, 1));
  assert.equal(merge(series, point(15, 7)), "same");
  assert.deepEqual(series.calls, [0, 7, 1]);
});

test("what is older, or was never a moment of this series, changes nothing", () => {
  const series = seriesOf(history([10, 15, 20]));
  for (const t of [5, 10, 17]) assert.equal(merge(series, point(t)), "old");
  assert.deepEqual(series.calls, [0, 1, 2]);
});

test("moments in between that were not told are a gap", () => {
  const series = seriesOf(history([10, 15]));
  assert.equal(merge(series, point(30)), "gap");
  const [t, calls] = drawn(series, [series.calls]);
  assert.deepEqual([t, calls], [[10, 15, 20, 30], [0, 1, null, 9]]);
});

test("a series without history begins with the first point", () => {
  const series = seriesOf(history([]));
  assert.equal(merge(series, point(30)), "next");
  assert.deepEqual(series.t, [30]);
});

test("a day of points leaves no more than the span holds", () => {
  const series = seriesOf(history([0]));
  for (let t = 5; t <= 86_400; t += 5) merge(series, point(t));
  const many = SPANS["15m"] / 5;
  for (const column of [series.t, series.calls, series.tokens, series.first_p50, ...Object.values(series.errors)]) {
    assert.equal(column.length, many);
  }
  assert.equal(series.t.at(-1), 86_400);
});

test("columns stand upon each other; a gap in one is no height of another", () => {
  assert.deepEqual(stacked([[1, null, 2], [1, 1, null], [0, 2, 3]]), [[1, null, 2], [2, 1, null], [2, 3, 5]]);
});

test("lonely points are those with a gap on both sides", () => {
  assert.deepEqual(lonely([1, null, 2, 3, null, 0]), [0, 5]);
  assert.deepEqual(lonely([null]), []);
  assert.deepEqual(lonely([0]), [0]);
});

test("the newest figure is the last that there is", () => {
  assert.equal(newest([1, 0, null]), 0);
  assert.equal(newest([null]), null);
});

test("a moment that is still filling is told as the rate of a whole step up to now", () => {
  const series = { step: 10, t: [10, 20] };
  assert.deepEqual(slid(series, [4, 8], 25), [4, 6], "half of each");
  assert.deepEqual(slid(series, [4, 0], 20), [4, 4], "what has only begun is no silence");
  assert.deepEqual(slid(series, [4, 8], 30), [4, 8], "what is over is as it was");
  assert.deepEqual(slid(series, [null, 8], 21), [null, 8], "without anything before it there is nothing else to tell");
  assert.deepEqual(slid({ step: 10, t: [] }, [], 5), []);
});
