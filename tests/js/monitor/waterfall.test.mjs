// Tests of targon_gw/web/static/js/monitor/waterfall.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { laid, placeOf, ticks } from "../../../targon_gw/web/static/js/monitor/waterfall.js";

const served = { id: "a", key: "k-1", upstream: "t", status: 200, ending: "served", took: 4, first: 0.4 };
const failed = (members) => ({ key: "k-2", upstream: "t", status: 429, note: "429: too many requests", took: 0.05, ...members });

test("a call that went well is one bar, with its first token in it", () => {
  const { total, bars } = laid({ ...served, failed_attempts: [] });
  assert.equal(total, 4);
  assert.equal(bars.length, 1);
  assert.deepEqual([bars[0].from, bars[0].to, bars[0].first, bars[0].kind], [0, 4, 0.4, "served"]);
});

test("attempts stand where they were, with the pauses between them", () => {
  const { bars } = laid({ ...served, failed_attempts: [failed({ from: 0.01 }), failed({ from: 0.2, key: "k-3" })] });
  assert.deepEqual(bars.map((bar) => [bar.number, bar.key, bar.kind]), [[1, "k-2", "failed"], [2, "k-3", "failed"], [3, "k-1", "served"]]);
  assert.equal(bars[0].from, 0.01);
  assert.equal(bars[1].from, 0.2);
  assert.equal(bars[2].from, 0.25);
  assert.ok(bars.every((bar) => !bar.placed));
  assert.equal(bars[1].reason, "429: too many requests");
});

test("where only its length is known, an attempt stands behind the one before, and says so", () => {
  const { bars } = laid({ ...served, failed_attempts: [failed({ took: 1 }), failed({ took: 2 })] });
  assert.deepEqual(bars.map((bar) => [bar.from, bar.to, bar.placed]), [[0, 1, true], [1, 3, true], [3, 4, false]]);
});

test("a call that nobody served has no bar that did", () => {
  const { bars, total } = laid({ id: "a", status: 502, ending: "failed", took: 1, failed_attempts: [failed({ from: 0, took: 0.9 })] });
  assert.deepEqual([bars.length, bars[0].kind, total], [1, "failed", 1]);
});

test("a call that was turned away at once has no bar at all, and a line of time still", () => {
  const { bars, total } = laid({ id: "a", status: 503, ending: "refused", failed_attempts: [] });
  assert.equal(bars.length, 0);
  assert.ok(total > 0);
});

test("of a rescued stream the first token came before the bar that ended it", () => {
  const { bars } = laid({ ...served, first: 0.4, failed_attempts: [failed({ from: 0, took: 2 })] });
  assert.equal(bars[1].first, null);
});

test("moments on the line are round and few", () => {
  for (const total of [0.002, 0.04, 0.37, 1, 4.2, 61, 600]) {
    const found = ticks(total);
    assert.ok(found.length >= 2 && found.length <= 6, `${total}: ${found}`);
    assert.equal(found[0], 0);
    assert.ok(found.at(-1) <= total);
  }
  assert.deepEqual(ticks(4.2), [0, 1, 2, 3, 4]);
  assert.deepEqual(ticks(0.003), [0, 0.001, 0.002], "times are told in milliseconds: none is told twice");
  assert.deepEqual(ticks(0.001), [0]);
});

test("bars stay within the line, and none is too narrow to be seen", () => {
  const place = placeOf({ from: 4, to: 4, first: null }, 4);
  assert.ok(place.width > 0 && place.left + place.width <= 100);
  assert.deepEqual(placeOf({ from: 1, to: 3, first: 2 }, 4), { left: 25, width: 50, first: 25 });
});
