// Tests of targon_gw/web/static/js/monitor/calls.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallLog, KEPT, classOf, tokensOf, toneOf, wantedOf } from "../../../targon_gw/web/static/js/monitor/calls.js";

const call = (id, members = {}) => ({ kind: "call", id, at: 100, status: 200, ending: "served", client: "ann", model: "m", ...members });
const attempt = (id, members = {}) => ({ kind: "attempt", id, at: 100, status: 429, key: "k-2", note: "429: too many requests", ...members });
const ids = (calls) => calls.map((each) => each.id);

test("calls stand newest first, by when they ended, and each once", () => {
  const log = new CallLog();
  for (const [id, at] of [["b", 2], ["c", 3], ["a", 1], ["b", 2]]) log.add(call(id, { at }));
  assert.deepEqual(ids(log.calls), ["c", "b", "a"]);
  assert.equal(log.add(call("a")), false);
});

test("a call bears the attempts that failed before it, and those that are told after it", () => {
  const log = new CallLog();
  assert.equal(log.add(attempt("a")), false);
  log.add(attempt("b"));
  assert.equal(log.add(call("a")), true);
  assert.equal(log.add(attempt("a", { key: "k-3" })), true);
  assert.deepEqual(log.calls[0].failed.map((one) => one.key), ["k-2", "k-3"]);
});

test("however long the page is open, it keeps 200 calls, and as many that have not ended", () => {
  const log = new CallLog();
  for (let n = 0; n < 20_000; n += 1) {
    log.add(attempt(`lost ${n}`, { at: n }));
    log.add(attempt(`req ${n}`, { at: n }));
    log.add(call(`req ${n}`, { at: n }));
  }
  assert.equal(log.size, KEPT);
  assert.ok(log.held <= 3 * KEPT, `${log.held} rows are held`);
  assert.equal(log.calls[0].id, "req 19999");
  assert.equal(log.add(call("req 0", { at: 0 })) && log.size, KEPT, "what was let go is not known any more, and the oldest");
  for (let n = 0; n < 1000; n += 1) log.add(attempt("endless"));
  assert.ok(log.held <= 4 * KEPT);
  log.clear();
  assert.equal(log.held, 0);
});

test("a call's class is how it ended for the client", () => {
  const cases = [
    [{}, "2xx", "ok"],
    [{ status: 429, ending: "refused" }, "429", "warn"],
    [{ status: 400, ending: "refused" }, "4xx", "warn"],
    [{ status: 503, ending: "refused" }, "5xx", "bad"],
    [{ status: 200, ending: "truncated" }, "cut", "bad"],
    [{ status: undefined, ending: "abandoned" }, "left", "warn"],
    [{ status: 200, ending: "abandoned" }, "left", "warn"],
  ];
  for (const [members, name, tone] of cases) {
    assert.deepEqual([classOf(call("a", members)), toneOf(call("a", members))], [name, tone]);
  }
});

test("filters go together; the text is looked for in failed attempts too", () => {
  const log = new CallLog();
  log.add(attempt("a"));
  log.add(call("a", { at: 1, attempts: 2 }));
  log.add(call("b", { at: 2, client: "bob", status: 503, ending: "refused" }));
  log.add(call("c", { at: 3, model: "n" }));
  const all = { status: "", client: "", model: "", text: "" };
  const found = (wanted) => ids(wantedOf(log.calls, { ...all, ...wanted }));
  assert.deepEqual(found({}), ["c", "b", "a"]);
  assert.deepEqual(found({ status: "5xx" }), ["b"]);
  assert.deepEqual(found({ status: "tried" }), ["a"]);
  assert.deepEqual(found({ client: "ann", model: "m" }), ["a"]);
  assert.deepEqual(found({ text: "too many k-2" }), ["a"]);
  assert.deepEqual(found({ text: "nowhere" }), []);
  assert.deepEqual(log.names("client"), ["ann", "bob"]);
});

test("tokens that nobody counted are not nought", () => {
  assert.equal(tokensOf(call("a")), null);
  assert.equal(tokensOf(call("a", { source: "upstream", prompt: 5 })), 5);
});
