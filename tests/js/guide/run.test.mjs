/** Run: what is sent, what is heard, how it ended. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Heard, perform, printed } from "../../../targon_gw/web/static/js/guide/run.js";
import { ENGLISH } from "../../../targon_gw/web/static/js/guide/snippets.js";

const BASE = "https://gw.example/v1";
const says = (content, more = {}) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null, ...more }] })}\n\n`;
const USAGE = `data: ${JSON.stringify({ choices: [], usage: { total_tokens: 9 } })}\n\n`;
const DONE = "data: [DONE]\n\n";

/** A body that comes in those pieces, and then ends, or breaks. */
function body(pieces, breaks = false) {
  const encoder = new TextEncoder();
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      if (left.length) controller.enqueue(encoder.encode(left.shift()));
      else if (breaks) controller.error(new TypeError("network error"));
      else controller.close();
    },
  });
}

function asked(id, answer, more = {}) {
  const sent = [];
  let now = 0;
  const fetch = async (address, options) => {
    sent.push({ address, ...options });
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const ask = { base: BASE, key: "sk-tg-x", model: "acme/large", words: ENGLISH, fetch, now: () => (now += 0.5), ...more };
  return perform(id, ask).then((result) => ({ ...result, sent }));
}

const streamed = (...pieces) => new Response(body(pieces), { status: 200, headers: { "x-request-id": "req_1" } });

test("a stream is heard to its end, wherever it was split", async () => {
  const text = says("Hel") + ": keep-alive\n\n" + says("lo") + says("", { finish_reason: "stop" }) + USAGE + DONE;
  for (const at of [1, 9, 40, text.length - 3]) {
    const told = await asked("stream", streamed(text.slice(0, at), text.slice(at)));
    assert.deepEqual([told.ending, told.text, told.usage, told.request], ["served", "Hello", { total_tokens: 9 }, "req_1"]);
    assert.ok(told.first > 0 && told.took > told.first);
  }
});

test("what is sent is the snippet's body, with the key as a bearer, no cookie, and the usage asked for", async () => {
  const { sent: [sent] } = await asked("stream", streamed(DONE));
  assert.equal(sent.address, `${BASE}/chat/completions`);
  assert.equal(sent.headers.authorization, "Bearer sk-tg-x");
  assert.equal(sent.credentials, "omit");
  const sentBody = JSON.parse(sent.body);
  assert.deepEqual([sentBody.model, sentBody.stream, sentBody.stream_options], ["acme/large", true, { include_usage: true }]);
});

test("without a key none is sent", async () => {
  const { sent: [sent] } = await asked("models", Response.json({ data: [] }), { key: "" });
  assert.deepEqual([sent.method, "authorization" in sent.headers, sent.body], ["GET", false, undefined]);
});

test("a stream without its end is cut, and what was said stays", async () => {
  const plain = await asked("stream", streamed(says("Hel")));
  const told = await asked("stream", streamed(says("Hel"), 'data: {"error":{"code":"upstream_truncated","message":"cut"},"choices":[]}\n\n'));
  const broken = await asked("stream", new Response(body([says("Hel")], true), { status: 200 }));
  assert.deepEqual([plain, told, broken].map((one) => [one.ending, one.text]), Array(3).fill(["cut", "Hel"]));
  assert.equal(told.error.code, "upstream_truncated");
});

test("a refusal tells its code and how long to wait", async () => {
  const envelope = { error: { code: "rate_limit_exceeded", message: "slow down", type: "rate_limit_error", param: null } };
  const told = await asked("chat", Response.json(envelope, { status: 429, headers: { "retry-after": "7" } }));
  assert.deepEqual([told.ending, told.status, told.error], ["refused", 429, { code: "rate_limit_exceeded", message: "slow down", wait: 7 }]);
  const other = await asked("chat", new Response("<html>", { status: 502 }));
  assert.deepEqual([other.ending, other.error.code], ["refused", "unknown"]);
});

test("no answer, and an end that the reader asked for", async () => {
  assert.equal((await asked("chat", new TypeError("failed"))).ending, "unreachable");
  const stop = new AbortController();
  stop.abort();
  assert.equal((await asked("chat", new DOMException("aborted", "AbortError"), { signal: stop.signal })).ending, "stopped");
});

test("whole answers print what their snippets print", async () => {
  const chat = await asked("chat", Response.json({ choices: [{ message: { content: "Hi", reasoning_content: "hm" } }], usage: { total_tokens: 3 } }));
  assert.deepEqual([chat.text, chat.thoughts, chat.usage, chat.raw.choices.length], ["Hi", "hm", { total_tokens: 3 }, 1]);
  assert.equal(printed("completion", { choices: [{ text: "on" }] }).text, "on");
  assert.equal(printed("models", { data: [{ id: "a/b", owned_by: "a", status: "available" }] }).text, "a/b  a  available");
  assert.deepEqual(JSON.parse(printed("own", { data: { label: "ann" } }).text), { label: "ann" });
  assert.equal(printed("chat", {}).text, "");
});

test("what is no JSON is passed over", () => {
  const heard = new Heard();
  heard.take("{half");
  heard.take("[DONE]");
  assert.deepEqual([heard.text, heard.done], ["", true]);
});
