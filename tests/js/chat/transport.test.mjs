/** One call, and what may come of it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { converse, Refused, Unreachable } from "../../../targon_gw/web/static/js/chat/transport.js";

function answering(body, init = {}) {
  const asked = [];
  const fetch = async (address, options) => {
    asked.push({ address, ...options });
    return new Response(body, init);
  };
  return { fetch, asked };
}

test("a call bears the key and no cookie; each event's data is handed on", async () => {
  const { fetch, asked } = answering("data: a\n\ndata: [DONE]\n\n", { headers: { "x-request-id": "req_1", "x-targon-model": "m2" } });
  const got = [];
  const heads = [];
  const closing = await converse({ model: "m" }, { key: "sk", seen: (head) => heads.push(head), take: (data) => got.push(data), fetch });
  assert.equal(closing, "closed");
  assert.deepEqual(got, ["a", "[DONE]"]);
  assert.deepEqual(heads, [{ request: "req_1", model: "m2", attempts: 1 }]);
  assert.equal(asked[0].address, "/v1/chat/completions");
  assert.equal(asked[0].credentials, "omit");
  assert.equal(asked[0].headers.authorization, "Bearer sk");
  assert.deepEqual(JSON.parse(asked[0].body), { model: "m" });
});

test("a visitor sends no key", async () => {
  const { fetch, asked } = answering("");
  await converse({}, { take() {}, fetch });
  assert.ok(!("authorization" in asked[0].headers));
});

test("an error is thrown with its code, its wait and its id", async () => {
  const told = JSON.stringify({ error: { code: "rate_limit_exceeded", message: "Slow.", param: "model" } });
  const { fetch } = answering(told, { status: 429, headers: { "retry-after": "12", "x-request-id": "req_7" } });
  await assert.rejects(converse({}, { take() {}, fetch }), (error) => {
    assert.ok(error instanceof Refused);
    assert.deepEqual([error.status, error.code, error.message, error.wait, error.param, error.request], [429, "rate_limit_exceeded", "Slow.", 12, "model", "req_7"]);
    return true;
  });
});

test("an error that is no envelope of ours is told by its status", async () => {
  for (const body of ["<html>Bad gateway</html>", "null", '{"error":"x"}', ""]) {
    const { fetch } = answering(body, { status: 502 });
    await assert.rejects(converse({}, { take() {}, fetch }), { name: "Refused", code: "http_502", wait: null });
  }
});

test("no answer at all, and a body that breaks", async () => {
  const down = async () => {
    throw new TypeError("Failed to fetch");
  };
  await assert.rejects(converse({}, { take() {}, fetch: down }), Unreachable);
  const broken = async () => new Response(new ReadableStream({ start: (to) => to.error(new TypeError("reset")) }));
  assert.equal(await converse({}, { take() {}, fetch: broken }), "broken");
});

test("an abort is a stop: thrown before the head, told after it", async () => {
  const controller = new AbortController();
  const aborted = async () => {
    controller.abort();
    throw new DOMException("", "AbortError");
  };
  await assert.rejects(converse({}, { take() {}, signal: controller.signal, fetch: aborted }), { name: "AbortError" });
  const broken = async () => new Response(new ReadableStream({ start: (to) => to.error(new DOMException("", "AbortError")) }));
  assert.equal(await converse({}, { take() {}, signal: controller.signal, fetch: broken }), "stopped");
});
