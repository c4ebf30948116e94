/** Snippets: what they hold, how values are written; that they run, tests/live/test_guide_snippets.py tells. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { ENGLISH, GRAMMARS, INSTALL, LANGUAGES, SNIPPETS, laid, python, request, shell } from "../../../targon_gw/web/static/js/guide/snippets.js";

const BASE = "https://gw.example/v1";
const [KEY, MODEL] = ["sk-tg-a-key", "acme/large"];
const IDS = ["chat", "stream", "models", "completion", "retry", "own"];

test("each language has each snippet, a grammar and what to install", () => {
  assert.deepEqual(Object.keys(SNIPPETS), LANGUAGES);
  for (const language of LANGUAGES) {
    assert.deepEqual(Object.keys(SNIPPETS[language]).sort(), [...IDS].sort(), language);
    assert.ok(GRAMMARS[language]);
    assert.equal(typeof INSTALL[language], "string");
  }
});

test("a snippet holds the address and the key, and the model where one is asked", () => {
  for (const language of LANGUAGES) {
    for (const id of IDS) {
      const code = SNIPPETS[language][id](BASE, KEY, MODEL);
      assert.ok(code.includes(BASE) && code.includes(KEY), `${language} ${id}`);
      assert.equal(code.includes(MODEL), !["models", "own"].includes(id), `${language} ${id}`);
      assert.ok(code.endsWith("\n") && !code.endsWith("\n\n") && !code.includes("undefined"), `${language} ${id}`);
      assert.ok(code.split("\n").every((line) => line.length <= 120), `${language} ${id}`);
    }
  }
});

test("the body in the code is the one that Run sends", () => {
  for (const id of ["chat", "stream", "completion", "retry"]) {
    const [, body] = /-d '(.*)'\n/s.exec(SNIPPETS.curl[id](BASE, KEY, MODEL));
    assert.deepEqual(JSON.parse(body), request(id, MODEL).body);
  }
  assert.deepEqual(request("models", MODEL), { method: "GET", path: "/models", body: null });
});

test("what a shell gets is what was meant, quotes and all", () => {
  for (const text of ["plain", "it's", "''", 'a"b', "$HOME `id` \\ !", "你好\nline"]) {
    assert.equal(execFileSync("sh", ["-c", `printf %s ${shell(text)}`], { encoding: "utf8" }), text);
  }
});

test("hostile names of models stay texts", () => {
  const model = `a'b"c$(id)\\`;
  const [, body] = /-d ('.*')\n$/s.exec(SNIPPETS.curl.retry(BASE, KEY, model, ENGLISH));
  assert.equal(JSON.parse(execFileSync("sh", ["-c", `printf %s ${body}`], { encoding: "utf8" })).model, model);
  assert.ok(SNIPPETS.httpx.chat(BASE, KEY, model).includes(`"model": ${JSON.stringify(model)}`));
  assert.ok(SNIPPETS.node.chat(BASE, KEY, model).includes(`model: ${JSON.stringify(model)}`));
});

test("what is short stays on a line, what is long is laid out, and both mean the same", () => {
  const short = { a: [1, { b: null }], c: "x" };
  assert.equal(laid(short), '{"a": [1, {"b": null}], "c": "x"}');
  const long = { list: Array.from({ length: 40 }, (_, n) => n), text: "y".repeat(90), deep: [{ a: "z".repeat(90) }] };
  assert.deepEqual(JSON.parse(laid(long)), long);
  assert.ok(laid(long).includes("\n  "));
});

test("Python has words of its own", () => {
  assert.deepEqual([true, false, null, "true", 0.7].map(python), ["True", "False", "None", '"true"', "0.7"]);
  assert.equal(laid({ stream: true, stop: null }, { write: python }), '{"stream": True, "stop": None}');
});
