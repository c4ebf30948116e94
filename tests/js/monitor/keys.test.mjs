// Tests of targon_gw/web/static/js/monitor/keys.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Today, accountsOf, dayOf, keyRows, keysAfter, keysShown } from "../../../targon_gw/web/static/js/monitor/keys.js";

const NOON = Date.UTC(2026, 10, 21, 12) / 1000;
const key = (id, members = {}) => ({ id, account: "alice", upstream: "targon", state: "usable", health: "ready", why: null, until: null, models_out: [], in_flight: 0, note: "", ...members });
const sums = (name, members) => ({ name, calls: 3, failed: 1, truncated: 1, attempts_failed: 2, prompt: 10, completion: 5, ...members });

test("a key's day is the server's sums, and what the feed told since", () => {
  const today = new Today();
  assert.equal(today.of("k-1"), null, "not read yet is not nought");
  today.read([sums("k-1")], NOON);
  assert.deepEqual(today.of("k-1"), { calls: 3, errors: 4, tokens: 15 });
  assert.deepEqual(today.of("k-2"), { calls: 0, errors: 0, tokens: 0 });
  today.add({ kind: "call", key: "k-1", at: NOON + 1, ending: "served", prompt: 1, completion: 2 });
  today.add({ kind: "call", key: "k-1", at: NOON + 1, ending: "truncated" });
  today.add({ kind: "attempt", key: "k-2", at: NOON + 1 });
  assert.deepEqual(today.of("k-1"), { calls: 5, errors: 5, tokens: 18 });
  assert.deepEqual(today.of("k-2"), { calls: 0, errors: 1, tokens: 0 });
});

test("what was over when the sums were made is in them already", () => {
  const today = new Today();
  today.add({ kind: "call", key: "k-1", at: NOON + 1, ending: "served" });
  today.read([sums("k-1")], NOON + 2);
  today.add({ kind: "call", key: "k-1", at: NOON + 2, ending: "served" });
  today.add({ kind: "call", at: NOON + 3, ending: "refused" });
  assert.equal(today.of("k-1").calls, 3);
  assert.equal(today.size, 1);
});

test("a new day begins with nothing", () => {
  const today = new Today();
  today.read([sums("k-1"), sums("k-2")], NOON);
  today.add({ kind: "call", key: "k-1", at: NOON + 86_400, ending: "served", prompt: 1 });
  assert.equal(today.day, "2026-11-22");
  assert.deepEqual(today.of("k-1"), { calls: 1, errors: 0, tokens: 1 });
  assert.deepEqual(today.of("k-2"), { calls: 0, errors: 0, tokens: 0 });
  assert.equal(dayOf(NOON), "2026-11-21");
});

test("rows are sorted by any column and filtered by state and text", () => {
  const today = new Today();
  today.read([sums("k-2", { prompt: 1000 }), sums("k-10")], NOON);
  const rows = keyRows(
    [key("k-10"), key("k-2", { state: "cooling", why: "429: too many requests", until: 9 }), key("k-1", { state: "barred" })],
    today,
  );
  const shown = (filter, column, way = "ascending") =>
    keysShown(rows, { state: "", text: "", ...filter }, { column, way }).map((row) => row.id);
  assert.deepEqual(shown({}, "key"), ["k-1", "k-2", "k-10"]);
  assert.deepEqual(shown({}, "state"), ["k-10", "k-2", "k-1"]);
  assert.deepEqual(shown({}, "state", "descending"), ["k-1", "k-2", "k-10"]);
  assert.deepEqual(shown({}, "tokens", "descending"), ["k-2", "k-10", "k-1"]);
  assert.deepEqual(shown({}, "until"), ["k-2", "k-10", "k-1"]);
  assert.deepEqual(shown({ state: "barred" }, "key"), ["k-1"]);
  assert.deepEqual(shown({ text: "many 429" }, "key"), ["k-2"]);
});

test("an account is as well as its best key, and says what is wrong with the others", () => {
  const rows = keyRows(
    [
      key("k-1", { in_flight: 2, models_out: ["b", "a"] }),
      key("k-2", { state: "cooling", why: "429", until: 50, in_flight: 1, models_out: ["a"] }),
      key("k-3", { account: "bob", state: "exhausted", why: "402", until: 90 }),
      key("k-4", { upstream: "other", state: "barred" }),
    ],
    new Today(),
  );
  const [alice, bob, other] = accountsOf(rows);
  assert.deepEqual([alice.state, alice.keys, alice.usable, alice.in_flight, alice.models_out], ["usable", 2, 1, 3, ["a", "b"]]);
  assert.deepEqual([alice.why, alice.until, alice.tokens], ["429", 50, null]);
  assert.deepEqual([bob.state, bob.usable, bob.until], ["exhausted", 0, 90]);
  assert.deepEqual([other.upstream, other.state], ["other", "barred"]);
});

test("the stream tells all keys, or those that have changed and those that are gone", () => {
  const keys = [key("k-1"), key("k-2"), key("k-2", { upstream: "other" })];
  assert.deepEqual(keysAfter(keys, { now: 1, keys: [key("k-9")] }).map((one) => one.id), ["k-9"]);
  const after = keysAfter(keys, { part: true, keys: [key("k-1", { state: "cooling" }), key("k-3")], gone: [{ upstream: "targon", id: "k-2" }] });
  assert.deepEqual(after.map((one) => [one.upstream, one.id, one.state]), [
    ["targon", "k-1", "cooling"], ["other", "k-2", "usable"], ["targon", "k-3", "usable"],
  ]);
});
