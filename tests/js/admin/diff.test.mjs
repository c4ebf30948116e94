// Tests of targon_gw/web/static/js/admin/diff.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { entriesOf } from "../../../targon_gw/web/static/js/admin/diff.js";

const say = (key, values = {}) => `${key} ${JSON.stringify(values)}`;
const none = { added: [], removed: [], changed: [] };
const diff = (members) => ({ keys: [], upstreams: none, models: none, clients: none, settings: [], at_next_start: [], ...members });

test("nothing is no entry", () => {
  assert.deepEqual(entriesOf(diff({}), say), []);
});

test("keys that come and go are told by their number, and those with calls to finish", () => {
  const pool = { upstream: "acme", added: ["k-1", "k-2"], removed: [{ key: "k-3", calls: 2 }], changed: [{ name: "k-4", what: "weight", before: "1", after: "2" }], settings: [{ what: "draw" }] };
  const entries = entriesOf(diff({ keys: [pool] }), say);
  assert.deepEqual(entries.map((one) => one.sign), ["+", "-", "~", "~"]);
  assert.equal(entries[0].what, 'diff.keys_added {"upstream":"acme","n":2}');
  assert.equal(entries[1].what, 'diff.keys_removed_busy {"upstream":"acme","n":1,"calls":2}');
  assert.deepEqual([entries[2].what, entries[2].detail], ["acme k-4 · weight", "1 → 2"]);
  assert.deepEqual([entries[3].what, entries[3].detail], ["acme · draw", ""]);
});

test("things with names, settings, and what waits for the next start", () => {
  const entries = entriesOf(diff({
    models: { added: ["m"], removed: [], changed: [{ name: "n", what: "context", before: "1", after: "2" }] },
    settings: [{ what: "drain", before: "30", after: "45" }], at_next_start: ["listen"],
  }), say);
  assert.deepEqual(entries.map((one) => [one.sign, one.what.split(" ")[0], one.detail]), [
    ["+", "diff.models", "m"], ["~", "n", "1 → 2"], ["~", "drain", "30 → 45"], ["~", "listen", "diff.at_start {}"],
  ]);
});

test("a thousand names are not read out", () => {
  const pool = { upstream: "acme", added: Array.from({ length: 1000 }, (_, n) => `k-${n}`), removed: [], changed: [], settings: [] };
  assert.match(entriesOf(diff({ keys: [pool] }), say)[0].detail, /k-11 \+988$/);
});
