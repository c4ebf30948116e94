// Tests of targon_gw/web/static/js/monitor/cells.js and tables.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CELLS, cellsOf, levelOf, moved } from "../../../targon_gw/web/static/js/monitor/cells.js";
import { tableOf } from "../../../targon_gw/web/static/js/monitor/tables.js";

test("a minute without a call is neither good nor bad", () => {
  const cases = [[0, 0, "none"], [3, 0, "ok"], [3, 1, "some"], [2, 1, "bad"], [1, 1, "bad"]];
  for (const [calls, failed, level] of cases) assert.equal(levelOf(calls, failed), level);
});

test("there are always sixty, oldest first, a minute apart, the newest being now", () => {
  const cells = cellsOf([[600, 5, 1], [540, 2, 0]], 659);
  assert.equal(cells.length, CELLS);
  assert.deepEqual(cells.slice(-3), [[480, 0, 0], [540, 2, 0], [600, 5, 1]]);
  assert.deepEqual(cellsOf(undefined, 60).at(-1), [60, 0, 0]);
});

test("a cell of the next minute, by the server's clock, is not lost", () => {
  assert.deepEqual(cellsOf([[660, 1, 0]], 659).at(-1), [660, 1, 0]);
});

test("arrows go from cell to cell and stop at the ends", () => {
  assert.equal(moved(null, "ArrowLeft"), CELLS - 1);
  assert.equal(moved(null, "ArrowRight"), 0);
  assert.equal(moved(0, "ArrowLeft"), 0);
  assert.equal(moved(5, "Home"), 0);
  assert.equal(moved(5, "End"), CELLS - 1);
  assert.equal(moved(5, "a"), null);
});

test("a chart's table is newest first, without moments that nobody told of", () => {
  const series = { t: [10, 15, 20] };
  assert.deepEqual(tableOf(series, [[1, null, 3], [0, null, null]]), [[20, 3, null], [10, 1, 0]]);
  assert.deepEqual(tableOf(series, [[1, 2, 3]], 2), [[20, 3], [15, 2]]);
});
