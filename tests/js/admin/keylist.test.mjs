// Tests of targon_gw/web/static/js/admin/keylist.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { KeyList } from "../../../targon_gw/web/static/js/admin/keylist.js";

const key = (id, state = "usable", members = {}) => ({ id, upstream: "acme", state, account: id, note: "", why: null, served: 0, ...members });
const listOf = (...keys) => {
  const list = new KeyList();
  list.take({ keys });
  return list;
};
const ids = (rows) => rows.map((row) => row.id);

test("a whole list takes the place of all; a part changes what it names, and takes away what is gone", () => {
  const list = listOf(key("a"), key("b"));
  list.take({ part: true, keys: [key("b", "cooling"), key("c")], gone: [{ upstream: "acme", id: "a" }] });
  assert.deepEqual(list.rows.map((row) => [row.id, row.state]), [["b", "cooling"], ["c", "usable"]]);
  list.take({ keys: [key("d")] });
  assert.deepEqual(ids(list.rows), ["d"]);
});

test("the same id in two upstreams is two keys", () => {
  const list = listOf(key("a"), key("a", "cooling", { upstream: "other" }));
  assert.equal(list.size, 2);
  list.removed({ id: "a", upstream: "other" });
  assert.deepEqual(list.rows.map((row) => row.upstream), ["acme"]);
});

test("the worst come first; by another column, by that", () => {
  const list = listOf(key("a", "usable", { served: 5 }), key("b", "cooling", { served: 9 }), key("c", "barred"), key("d", "disabled"), key("e", "exhausted"));
  assert.deepEqual(ids(list.shown()), ["c", "e", "d", "b", "a"]);
  assert.deepEqual(ids(list.shown({}, { column: "served", way: "descending" })).slice(0, 2), ["b", "a"]);
});

test("keys are found by state, and by any of what is shown of them", () => {
  const list = listOf(key("k-1", "usable", { note: "Spare one" }), key("k-2", "cooling", { why: "429: too many requests" }), key("k-3", "usable", { account: "alice" }));
  assert.deepEqual(ids(list.shown({ text: "spare" })), ["k-1"]);
  assert.deepEqual(ids(list.shown({ text: "429" })), ["k-2"]);
  assert.deepEqual(ids(list.shown({ state: "usable", text: "alice acme" })), ["k-3"]);
});

test("the census counts states, and leaves out those of none", () => {
  assert.deepEqual(listOf(key("a"), key("b"), key("c", "barred")).census(), [["usable", 2], ["barred", 1]]);
});

test("the last key that can be used is known as such, within its upstream", () => {
  const list = listOf(key("a"), key("b", "cooling"), key("c", "usable", { upstream: "other" }));
  assert.equal(list.isLast(list.rows[0]), true);
  assert.equal(list.isLast(list.rows[1]), false);
  list.changed(key("b"));
  assert.equal(list.isLast(list.rows[0]), false);
});
