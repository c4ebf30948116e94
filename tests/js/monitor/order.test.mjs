// Tests of targon_gw/web/static/js/monitor/order.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { matches, sorted, turned } from "../../../targon_gw/web/static/js/monitor/order.js";

test("the same heading turns the order round, another begins its own", () => {
  const order = turned({ column: "key", way: "ascending" }, "key");
  assert.deepEqual(order, { column: "key", way: "descending" });
  assert.deepEqual(turned(order, "key"), { column: "key", way: "ascending" });
  assert.deepEqual(turned(order, "tokens", "descending"), { column: "tokens", way: "descending" });
});

test("figures go by size, names by the numbers in them, and the rows given stay as they were", () => {
  const rows = [{ n: 10, s: "k-10" }, { n: 9, s: "k-9" }, { n: 100, s: "K-2" }];
  assert.deepEqual(sorted(rows, (row) => row.n, "ascending").map((row) => row.n), [9, 10, 100]);
  assert.deepEqual(sorted(rows, (row) => row.s, "ascending").map((row) => row.s), ["K-2", "k-9", "k-10"]);
  assert.equal(rows[0].n, 10);
});

test("what has no value comes last, either way", () => {
  const rows = [{ v: null }, { v: 2 }, {}, { v: 1 }];
  assert.deepEqual(sorted(rows, (row) => row.v, "ascending").map((row) => row.v), [1, 2, null, undefined]);
  assert.deepEqual(sorted(rows, (row) => row.v, "descending").map((row) => row.v), [2, 1, null, undefined]);
});

test("equals keep their places", () => {
  const rows = [1, 2, 3, 4].map((id) => ({ id, v: 0 }));
  for (const way of ["ascending", "descending"]) {
    assert.deepEqual(sorted(rows, (row) => row.v, way).map((row) => row.id), [1, 2, 3, 4]);
  }
});

test("every word must be somewhere, in any case; marks have no meaning of their own", () => {
  const parts = ["req_8c1f", "DeepSeek-R1", null, undefined, 429];
  assert.ok(matches("", parts) && matches("  deepseek 429 ", parts) && matches("REQ_8", parts));
  assert.ok(!matches("deepseek 503", parts) && !matches(".*", parts));
});
