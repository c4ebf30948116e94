// Tests of targon_gw/web/static/js/admin/batch.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Batch, named, rowsOf, taken, tested, toConfirm, usual } from "../../../targon_gw/web/static/js/admin/batch.js";

const counts = (members = {}) => ({ new: 10, ok: 0, throttled: 0, exhausted: 0, rejected: 0, failed: 0, untried: 10, ...members });
const row = (id, result, line = 1) => ({ id, line, result });
const told = (members = {}) => ({ batch: "imp-1", upstream: "acme", state: "testing", counts: counts(), problem: null, written: 0, turn: 0, rows: [], ...members });

test("what would be taken is what works, what will, or all of it", () => {
  const some = counts({ ok: 5, throttled: 2, rejected: 3, untried: 0 });
  assert.deepEqual(["ok", "ok_and_throttled", "all"].map((which) => taken(some, which)), [5, 7, 10]);
});

test("how far the tests are is a share of the new keys, and of none it is none", () => {
  assert.deepEqual(tested(counts({ untried: 4 })), { done: 6, all: 10, share: 0.6 });
  assert.equal(tested(counts({ new: 0, untried: 0 })).share, 0);
});

test("without a test all are taken; with one those that work, and those that will where there are some", () => {
  assert.equal(usual(counts()), "all");
  assert.equal(usual(counts({ ok: 10, untried: 0 })), "ok");
  assert.equal(usual(counts({ ok: 8, throttled: 2, untried: 0 })), "ok_and_throttled");
});

test("of many names some are shown, each once, and how many more there are", () => {
  assert.deepEqual(named([3, 3, 4, 5], 2), { shown: [3, 4], more: 1 });
  assert.deepEqual(named([], 2), { shown: [], more: 0 });
});

test("both kinds of duplicates are duplicates", () => {
  const rows = ["new", "twice", "known", "malformed"].map((verdict) => ({ verdict }));
  assert.equal(rowsOf(rows, "").length, 4);
  assert.deepEqual(rowsOf(rows, "duplicate").map((one) => one.verdict), ["twice", "known"]);
  assert.deepEqual(rowsOf(rows, "new").map((one) => one.verdict), ["new"]);
});

test("the number that is to be confirmed is read out of the objection, and out of no other", () => {
  assert.equal(toConfirm("… write 'confirm_removal: 812' at the top …"), 812);
  assert.equal(toConfirm("something else"), null);
  assert.equal(toConfirm(undefined), null);
});

test("rows come in by turns: each is as it was told last, and the latest turn is asked for next", () => {
  const batch = new Batch(told({ rows: [row("a", "untried", 1), row("b", "untried", 2), row("c", "untried", 3)] }));
  batch.take(told({ turn: 2, rows: [row("b", "rejected", 2), row("c", "ok", 3)], counts: counts({ ok: 1 }) }));
  assert.deepEqual(batch.rows().map((one) => [one.id, one.result]), [["b", "rejected"], ["c", "ok"], ["a", "untried"]]);
  assert.deepEqual(batch.rows("ok").map((one) => one.id), ["c"]);
  assert.equal(batch.turn, 2);
  batch.take(told({ turn: 1, state: "tested" }));
  assert.deepEqual([batch.turn, batch.state], [2, "tested"]);
});
