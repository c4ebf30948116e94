// Tests of targon_gw/web/static/js/monitor/standing.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { standingOf } from "../../../targon_gw/web/static/js/monitor/standing.js";

const words = (overview) => standingOf(overview).reasons.map(([word]) => word);

test("all is well, and how many that are", () => {
  const found = standingOf({ status: "ok", counters: { keys: 14, usable: 14 }, out: { cooling: 0 } });
  assert.deepEqual(found, { status: "ok", reasons: [["reason_all_usable", { n: 14 }]] });
});

test("what is out is told by its state, of how many", () => {
  const overview = { status: "degraded", counters: { keys: 14, usable: 6 }, out: { cooling: 7, exhausted: 0, barred: 1 } };
  assert.deepEqual(standingOf(overview).reasons, [["reason_cooling_of", { n: 7, keys: 14 }], ["reason_barred_of", { n: 1, keys: 14 }]]);
});

test("what the operator hides is not told", () => {
  assert.deepEqual(words({ status: "ok", counters: {} }), []);
  assert.deepEqual(words({ status: "degraded", counters: { calls: 3 } }), []);
  assert.deepEqual(words({ status: "degraded", counters: {}, out: { cooling: 2 } }), ["reason_cooling"]);
});

test("down is for want of keys, or because it is ending", () => {
  assert.deepEqual(words({ status: "down", counters: { keys: 0, usable: 0 } }), ["reason_no_keys"]);
  assert.deepEqual(words({ status: "down", counters: { keys: 2, usable: 0 }, out: { barred: 2 } }), ["reason_barred_all"]);
  assert.deepEqual(words({ status: "down", counters: { keys: 3, usable: 0 }, out: { barred: 2, cooling: 1 } }), [
    "reason_none_usable", "reason_cooling_of", "reason_barred_of",
  ]);
  assert.deepEqual(words({ status: "down", counters: { keys: 2, usable: 2 } }), ["reason_all_usable", "reason_draining"]);
});
