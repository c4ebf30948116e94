// Tests of targon_gw/web/static/js/admin/plain.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { found, linesOf, partsOf } from "../../../targon_gw/web/static/js/admin/plain.js";

test("values read like the files", () => {
  const settings = { drain: "30s", watch: true, contact: null, limits: { body: "32MiB", waiting: 1000 }, listen: ["tcp:3811"], keys: [] };
  assert.deepEqual(linesOf(settings), ['drain: 30s', "watch: true", "contact: null", "limits:", "  body: 32MiB", "  waiting: 1000", 'listen: ["tcp:3811"]', "keys: []"]);
});

test("lists of things are lists, inside of one another too", () => {
  assert.deepEqual(linesOf({ keys: [{ secret: "k-1", weight: 2 }, { secret: "k-2", models: ["a", "b"] }] }), [
    "keys:", "  - secret: k-1", "    weight: 2", "  - secret: k-2", "    models: [a, b]",
  ]);
});

test("what YAML would read as something else is quoted", () => {
  for (const word of ["no", "True", "12:30", "a: b", "", "- x", "1e3", "null"]) assert.deepEqual(linesOf(word), [JSON.stringify(word)]);
});

test("of a long list the first are shown, and how many more there are", () => {
  const lines = linesOf({ keys: Array.from({ length: 30 }, (_, n) => `k-${n}`) }, 10);
  assert.equal(lines.length, 12);
  assert.equal(lines.at(-1), "  # … +20");
});

test("single values stand together, the rest each by itself with its size", () => {
  const parts = partsOf({ drain: "30s", listen: ["x"], limits: { body: 1 }, clients: [{ name: "a" }, { name: "b" }] });
  assert.deepEqual(parts.map((part) => [part.name, part.size]), [["", null], ["limits", null], ["clients", 2]]);
  assert.deepEqual(parts[0].value, { drain: "30s", listen: ["x"] });
});

test("a search wants all its words on one line", () => {
  assert.equal(found(["body: 32MiB", "waiting: 1000"], "Body 32"), true);
  assert.equal(found(["body: 32MiB", "waiting: 1000"], "body waiting"), false);
  assert.equal(found(["x"], ""), true);
});
