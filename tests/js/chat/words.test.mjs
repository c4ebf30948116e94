/** What is told in words and figures: ends, models, files, samples. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { mayHelp, noticeOf, wordsOf } from "../../../targon_gw/web/static/js/chat/ends.js";
import { toJson, toMarkdown } from "../../../targon_gw/web/static/js/chat/export.js";
import { allowed, chosen, contextOf, grouped } from "../../../targon_gw/web/static/js/chat/models.js";
import { ASKED, goneOf, numberIn } from "../../../targon_gw/web/static/js/chat/numbers.js";
import { programs, snippets } from "../../../targon_gw/web/static/js/chat/snippets.js";
import { Conversation, newThread } from "../../../targon_gw/web/static/js/chat/thread.js";

const STATIC = new URL("../../../targon_gw/web/static/", import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(`words/${name}.json`, STATIC), "utf8"));
const WORDS = { ...read("shell"), ...read("chat") };

/** As js/words.js has it, in English. */
function t(key, values = {}) {
  return WORDS[key]?.en.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) ?? key;
}

const ENDS = [
  { kind: "served" },
  { kind: "limit" },
  { kind: "filtered" },
  { kind: "stopped" },
  { kind: "elsewhere" },
  { kind: "unreachable" },
  ...["upstream_truncated", "upstream_timeout", "connection_closed", "connection_broken", "left", "odd"].map((code) => ({ kind: "cut", code })),
  ...[400, 401, 403, 404, 413, 429, 500, 502, 503, 504].map((status) => ({ kind: "refused", status, code: `http_${status}`, message: "" })),
];

test("every end that is no whole answer is told in words, and offers what can be done", () => {
  for (const end of ENDS) {
    for (const said of [true, false]) {
      for (const guest of [true, false]) {
        const notice = noticeOf(end, { t, said, guest });
        if (end.kind === "served" && said) {
          assert.equal(notice, null);
          continue;
        }
        assert.match(notice.title, /^[A-Z].*\.?$/, JSON.stringify(end));
        assert.ok(!/^(end|join|error)\./.test(notice.title + notice.words), `${notice.title} ${notice.words}`);
        if (["cut", "unreachable"].includes(end.kind)) assert.deepEqual(notice.does, ["retry"]);
      }
    }
  }
});

test("whoever is not signed in is shown the way in where their limits end", () => {
  const limited = { kind: "refused", status: 429, code: "insufficient_quota", message: "" };
  assert.deepEqual(noticeOf(limited, { t, said: false, guest: true }).does, ["join"]);
  assert.deepEqual(noticeOf({ ...limited, code: "rate_limit_exceeded" }, { t, said: false, guest: true }).does, ["join", "retry"]);
  assert.deepEqual(noticeOf({ kind: "refused", status: 401, code: "invalid_api_key" }, { t, said: false, guest: true }).does, ["join"]);
  assert.deepEqual(noticeOf({ kind: "refused", status: 403, code: "model_not_allowed" }, { t, said: false, guest: true }).does, ["join"]);
});

test("whoever is signed in and has a key that ended fetches it anew", () => {
  assert.deepEqual(noticeOf({ kind: "refused", status: 401, code: "invalid_api_key" }, { t, said: false, guest: false }).does, ["key"]);
  assert.deepEqual(noticeOf({ kind: "refused", status: 429, code: "insufficient_quota" }, { t, said: false, guest: false }).does, ["retry"]);
});

test("words go by the code, then by the message, then by the status", () => {
  assert.equal(wordsOf({ code: "invalid_value", message: "too hot" }, t), "too hot");
  assert.equal(wordsOf({ code: "new_code", message: "Something new." }, t), "Something new.");
  assert.match(wordsOf({ code: "http_502", message: "", status: 502 }, t), /502/);
  assert.ok(wordsOf({ kind: "cut" }, t).length > 5);
});

test("what is wrong with the question stays wrong", () => {
  assert.ok(!mayHelp({ kind: "refused", status: 400 }) && !mayHelp({ kind: "refused", status: 413 }));
  assert.ok(mayHelp({ kind: "refused", status: 503 }) && mayHelp({ kind: "cut" }));
});

const MODELS = [
  { id: "e", kind: "embedding", state: "available" },
  { id: "c1", kind: "chat", state: "unavailable", anonymous: true },
  { id: "r1", kind: "reasoning", state: "available", anonymous: false },
  { id: "c2", kind: "chat", state: "available", anonymous: true },
  { id: "x", kind: "new kind", state: "available", anonymous: true },
];

test("models are grouped by kind, those that cannot chat left out", () => {
  assert.deepEqual(grouped(MODELS).map(({ kind, models }) => [kind, models.map((each) => each.id)]), [
    ["reasoning", ["r1"]],
    ["chat", ["c1", "c2"]],
    ["new kind", ["x"]],
  ]);
});

test("the model is the one wished for, where it may be asked, else the first that is well", () => {
  assert.equal(chosen(MODELS, ["c1"], true), "c1");
  assert.equal(chosen(MODELS, [null, "gone", "x"], true), "x");
  assert.equal(chosen(MODELS, ["r1"], true), "c2", "not for guests");
  assert.equal(chosen(MODELS, [], false), "r1");
  assert.equal(chosen([], ["c1"], false), null);
  assert.ok(allowed({ id: "old answer" }, true));
});

test("contexts are told shortly", () => {
  assert.deepEqual([163840, 131072, 1048576, 63000, 1000000, 262144].map(contextOf), ["160K", "128K", "1M", "63K", "1M", "256K"]);
  assert.deepEqual([null, undefined, 0, NaN].map(contextOf), [null, null, null, null]);
});

test("figures are within their limits, or none", () => {
  const [temperature, , length] = ASKED;
  assert.deepEqual(["", " ", "0", "2", "2.1", "-1", "x", "1e1"].map((text) => numberIn(text, temperature)), [null, null, 0, 2, undefined, undefined, undefined, undefined]);
  assert.deepEqual(["1", "0", "1.5"].map((text) => numberIn(text, length)), [1, undefined, undefined]);
});

test("what is set aside counts as gone, and no more than all is", () => {
  assert.equal(goneOf({ limit: 100, used: 20, held: 5 }), 0.25);
  assert.equal(goneOf({ limit: 100, used: 120 }), 1);
  assert.equal(goneOf({ limit: 0, used: 0 }), 1);
});

test("samples hold address, key and model, whatever their characters", () => {
  const made = snippets({ address: "http://h:1/v1", key: "sk-tg-x", model: `it's "odd"\\`, said: "你好" });
  for (const text of Object.values(made)) assert.ok(text.includes("sk-tg-x") && text.includes("http://h:1/v1") && text.includes("你好"));
  assert.ok(made.curl.includes(`it'\\''s \\"odd\\"\\\\`));
  assert.ok(made.python.includes(String.raw`model="it's \"odd\"\\"`));
});

test("programs that add /v1 themselves are given the address without it", () => {
  assert.deepEqual(programs("http://h/v1").map((each) => each.address), ["http://h", "http://h/v1", "http://h"]);
});

function talk() {
  const conversation = new Conversation({ ...newThread("t", 0, "m", { system: "Be brief." }), title: "A\ntitle" });
  const base = { thread: "t", role: "assistant", thought: "" };
  conversation.add({ ...base, id: "q", parent: null, role: "user", text: "Why?", at: 1 });
  conversation.add({ ...base, id: "a", parent: "q", text: "Because.", thought: "hm\nwell", model: "m", at: 2, end: { kind: "served" } });
  conversation.add({ ...base, id: "b", parent: "q", text: "Bec", model: "m", at: 3, end: { kind: "cut" } });
  return conversation;
}

const NAMES = { user: "You", assistant: "Answer", thought: "Thoughts", system: "System prompt", untitled: "Untitled", ended: (end) => (end?.kind === "cut" ? "Cut off." : "") };

test("Markdown has what is shown, with how it ended", () => {
  const conversation = talk();
  assert.match(toMarkdown([conversation], NAMES), /^# A title\n\n[^\n]+\n\n## System prompt\n\nBe brief\.\n\n## You\n\nWhy\?\n\n## Answer \(m\)\n\nBec\n\n\*Cut off\.\*\n$/);
  conversation.choose("a");
  assert.match(toMarkdown([conversation], NAMES), /> \*\*Thoughts\*\*\n>\n> hm\n> well\n\nBecause\.\n$/);
});

test("JSON has all versions, in the order of writing", () => {
  const { form, threads } = JSON.parse(toJson([talk()], 0));
  assert.equal(form, "targon-gw-chat/1");
  assert.deepEqual(threads[0].messages.map((each) => each.id), ["q", "a", "b"]);
  assert.equal(threads[0].settings.system, "Be brief.");
});

test("all words are there in both languages, and none is asked for that there is not", () => {
  for (const [key, told] of Object.entries(read("chat"))) assert.ok(told.zh && told.en, key);
  const page = readFileSync(new URL("pages/chat.html", STATIC), "utf8");
  for (const [, key] of page.matchAll(/\{\{([a-z][\w.]*)\}\}/g)) assert.ok(WORDS[key], key);
  const files = ["chat.js", ...["account", "ask", "code", "composer", "empty", "ends", "gear", "key", "notice", "picker", "sidebar", "turns", "view"].map((name) => `chat/${name}.js`)];
  for (const file of files) {
    const text = readFileSync(new URL(`js/${file}`, STATIC), "utf8");
    for (const [, key] of text.matchAll(/\bt\("([\w.]+)"/g)) assert.ok(WORDS[key], `${file}: ${key}`);
  }
});
