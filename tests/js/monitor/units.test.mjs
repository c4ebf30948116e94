// Tests of targon_gw/web/static/js/monitor/units.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { countdown, shortId, topOf } from "../../../targon_gw/web/static/js/monitor/units.js";

test("a rest counts down to nothing and not below", () => {
  const cases = [
    [300.2, "5:00"],
    [22.4, ["left.seconds", { n: 23 }]],
    [0, ["left.seconds", { n: 0 }]],
    [-5, ["left.seconds", { n: 0 }]],
    [59.5, "1:00"],
    [245, "4:05"],
    [3722, "1:02:02"],
    [86_400, "24:00:00"],
    [200_000, ["left.days", { n: 2, hours: 7 }]],
  ];
  for (const [left, told] of cases) assert.deepEqual(countdown(1000 + left, 1000), told);
});

test("a scale has air above the highest figure, and is not of nothing where all is nought", () => {
  assert.ok(topOf(10, 1) > 10);
  for (const most of [0, null, undefined]) assert.equal(topOf(most, 1), 1);
  assert.ok(topOf(0.001, 1) >= 0.1, "a single call in an hour does not fill the whole height");
});

test("an id is cut where it is long, and only there", () => {
  assert.equal(shortId("req_0123456789abcdef0123456789abcdef"), "req_01234567…");
  assert.equal(shortId("req_1"), "req_1");
});
