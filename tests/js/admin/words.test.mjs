// Tests of targon_gw/web/static/words/admin.json: what the page shares with the monitor reads the same on both.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const wordsOf = (name) => JSON.parse(readFileSync(new URL(`../../../targon_gw/web/static/words/${name}.json`, import.meta.url)));
const admin = wordsOf("admin");
const monitor = wordsOf("monitor");
const SHARED = /^(why|what|health|state|tested|disabled)\.|^(enabled|disable|disable\..*|why|fact\.first)$/;

test("keys are told of in the same words as on the monitor, all of them", () => {
  const names = Object.keys(monitor).filter((name) => SHARED.test(name));
  assert.ok(names.length > 50);
  for (const name of names) assert.deepEqual(admin[name], monitor[name], name);
});

test("every word is there in both languages, with the same places to be filled in", () => {
  const places = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();
  for (const [name, { zh, en }] of Object.entries(admin)) {
    assert.ok(zh && en, name);
    if (!name.endsWith(".one") && !name.startsWith("error.")) assert.deepEqual([...new Set(places(zh))], [...new Set(places(en))], name);
  }
});
