/** Keys as they may be seen, and figures of the catalog. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { dollars, first, ranges, thousands } from "../../../targon_gw/web/static/js/guide/figures.js";
import { masked, pasted } from "../../../targon_gw/web/static/js/guide/keys.js";
import { NO_KEY } from "../../../targon_gw/web/static/js/guide/snippets.js";

test("of a key its beginning and its end are seen, of a short one nothing", () => {
  assert.equal(masked("sk-tg-0123456789abcdef"), "sk-tg-…def");
  assert.equal(masked("sn4_0123456789abcdef"), "sn4…def");
  assert.equal(masked("secret"), "…");
  assert.equal(masked(NO_KEY), NO_KEY);
});

test("a key is taken however it was pasted", () => {
  for (const text of ["sk-tg-x", "  sk-tg-x\n", "Bearer sk-tg-x", "Authorization: Bearer sk-tg-x", '"sk-tg-x"']) {
    assert.equal(pasted(text), "sk-tg-x");
  }
});

test("contexts and prices from the least to the most", () => {
  const models = [
    { context: 63000, price: { prompt: 0.5, completion: 2.49 } },
    { context: 262144, price: { prompt: 0.12, completion: 0.6 } },
    { context: null, price: null },
  ];
  assert.deepEqual(ranges(models), { context: "63K – 262K", price: "0.12 – 2.49" });
  assert.equal(ranges([models[2]]), null);
  assert.deepEqual([0.4, 1, 2.49, 0.0125, 0.00012].map(dollars), ["$0.40", "$1.00", "$2.49", "$0.0125", "$0.0001"]);
  assert.deepEqual([thousands(512), thousands(1000)], ["512", "1K"]);
});

test("the first that may be asked and can be served, and no embedding", () => {
  const models = [
    { id: "e", kind: "embedding", state: "available" },
    { id: "a", kind: "chat", state: "unavailable", anonymous: true },
    { id: "b", kind: "chat", state: "available" },
  ];
  assert.equal(first(models), "b");
  assert.equal(first(models, (model) => model.anonymous), "a");
  assert.equal(first([models[0]]), "");
});
