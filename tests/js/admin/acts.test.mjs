// Tests of targon_gw/web/static/js/admin/acts.js, with the words of the page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { actWords, eventsShown, onWords, whoWords } from "../../../targon_gw/web/static/js/admin/acts.js";

const WORDS = JSON.parse(readFileSync(new URL("../../../targon_gw/web/static/words/admin.json", import.meta.url)));
const say = (lang) => (key, values = {}) => (WORDS[key] ? WORDS[key][lang].replace(/\{(\w+)\}/g, (_, name) => values[name]) : key);

test("what was done is told in the reader's language, form by form", () => {
  const cases = [
    ["client svc-1", "客户端 svc-1"], ["the password of user ann", "用户 ann 的密码"], ["812 keys of targon (imp-20261121-1)", "targon 的 812 把密钥（imp-20261121-1）"],
    ["the import imp-1", "批次 imp-1"], ["k-1f2e3d4c", "密钥 k-1f2e3d4c"], ["the settings", "配置"],
  ];
  for (const [on, words] of cases) assert.equal(onWords(on, say("zh")), words);
  assert.equal(actWords("imported", say("zh")), "导入");
  assert.equal(whoWords("admin socket", say("zh")), "命令行");
});

test("in English it reads as it was noted", () => {
  for (const on of ["client a", "user b", "the key of user c", "invite x", "3 keys to be imported (imp-1)", "the gateway", "as ann", "the own key", "the own password"]) assert.equal(onWords(on, say("en")), on);
});

test("what is in no known form stays as it is", () => {
  assert.equal(onWords("something else", say("zh")), "something else");
  assert.equal(actWords("blinked", say("zh")), "blinked");
  assert.equal(whoWords("ann", say("zh")), "ann");
  assert.equal(whoWords("constructor", say("zh")), "constructor");
});

test("events are found by all words, as they are shown and as they are noted", () => {
  const events = [{ who: "ann", act: "added", on: "client x", address: "192.0.2.1" }, { who: "bob", act: "removed", on: "k-1", address: "" }];
  assert.equal(eventsShown(events, "", () => "").length, 2);
  assert.deepEqual(eventsShown(events, "ANN client", () => "").map((one) => one.who), ["ann"]);
  assert.deepEqual(eventsShown(events, "移除", (event) => (event.act === "removed" ? "移除" : "新增")).map((one) => one.who), ["bob"]);
  assert.deepEqual(eventsShown(events, "ann bob", () => ""), []);
});
