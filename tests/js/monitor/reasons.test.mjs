// Tests of targon_gw/web/static/js/monitor/reasons.js and clients.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { everybody, gone, shownClients } from "../../../targon_gw/web/static/js/monitor/clients.js";
import { PHRASES, reasonWords, whatWords } from "../../../targon_gw/web/static/js/monitor/reasons.js";

const english = (key, values = {}) => PHRASES[key.replace("why.", "")].replace("{n}", values.n);
const marked = (key, values = {}) => `<${[key.replace("why.", ""), ...Object.values(values)].join(" ")}>`;

test("in English a reason stays as the gateway said it", () => {
  for (const reason of ["429: too many requests", "401: key not accepted, where another key served", "500 (meaning 429): too many requests", "waited 1.2 s for a key; rescued: replay, prefill"]) {
    assert.equal(reasonWords(reason, english), reason);
  }
});

test("known phrases are said in the reader's words, with the figures around them", () => {
  assert.equal(reasonWords("429: too many requests", marked), "429: <too_many>");
  assert.equal(reasonWords("waited 1.2 s for a key; the stream was cut", marked), "<waited 1.2>; <cut>");
  assert.equal(reasonWords("switched off in the settings", marked), "<off>");
});

test("a phrase within another is not said twice", () => {
  assert.equal(reasonWords("charged after all: others were served meanwhile", marked), "<charged>");
  assert.equal(reasonWords("the client left before it had caught up", marked), "<left_early>");
});

test("two phrases with figures keep their own", () => {
  const reason = "3 accounts alike and none served (500 (meaning 429): too many requests): one more is asked";
  assert.equal(reasonWords(reason, marked), "<alike 3> (500 <meaning 429>: <too_many>): <one_more>");
});

test("what a change is of is said in the reader's words", () => {
  assert.equal(whatWords("account alice", marked), "<what.account alice>");
  assert.equal(whatWords("account alice for a/b", marked), "<what.leave alice a/b>");
  assert.equal(whatWords("model a/b", marked), "<what.model a/b>");
  assert.equal(whatWords("k-1", marked), "k-1");
});

test("what is unknown stays, and no reason is none", () => {
  assert.equal(reasonWords("418: teapot", marked), "418: teapot");
  assert.equal(reasonWords(null, marked), null);
  assert.equal(reasonWords(undefined, marked), undefined);
});

const client = (name, requests, quota = null) => ({ name, use: { requests, tokens: { total: requests * 10 }, in_flight: 0, quota } });

test("clients are found by name and sorted by what they used or have left", () => {
  const all = [client("ann", 5, { limit: 100, used: 10, held: 5 }), client("bob", 50), client("cat", 1, { limit: 10, used: 9, held: 0 })];
  const names = (text, column, way) => shownClients(all, text, { column, way }).map((one) => one.name);
  assert.deepEqual(names("", "tokens_all", "descending"), ["bob", "ann", "cat"]);
  assert.deepEqual(names("", "quota", "descending"), ["cat", "ann", "bob"]);
  assert.deepEqual(names("B", "client", "ascending"), ["bob"]);
  assert.equal(gone({ limit: 0, used: 0, held: 0 }), 1, "a quota of nothing is used up");
});

test("users stand among the clients, but for those whose name the settings have", () => {
  const users = [{ name: "dan", use: {}, enabled: false, shadowed: false }, { name: "ann", use: {}, shadowed: true }];
  const all = everybody([client("ann", 5)], users);
  assert.deepEqual(all.map((one) => [one.name, Boolean(one.user)]), [["ann", false], ["dan", true]]);
  const order = { column: "requests", way: "descending" };
  assert.deepEqual(shownClients(all, "", order).map((one) => one.name), ["ann", "dan"], "who has used nothing comes last");
});
