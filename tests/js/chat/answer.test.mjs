/** What an answer says, and how it truly ended. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Answer, endOf, figures } from "../../../targon_gw/web/static/js/chat/answer.js";

const words = (content, finish = null) => ({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] });

function answered(...chunks) {
  const answer = new Answer(1000);
  chunks.forEach((chunk, at) => answer.take(typeof chunk === "string" ? chunk : JSON.stringify(chunk), 2000 + at * 1000));
  return answer;
}

test("words add up, thoughts stand apart, by either field or by marks", () => {
  for (const field of ["reasoning_content", "reasoning"]) {
    const answer = answered({ choices: [{ delta: { [field]: "why" } }] }, words("be"), words("cause"));
    assert.deepEqual([answer.thought, answer.text], ["why", "because"]);
  }
  const marked = answered(words("<thi"), words("nk>why</thi"), words("nk>because"));
  assert.deepEqual([marked.thought, marked.text], ["why", "because"]);
  const orphan = answered(words("why\n</thi"), words("nk>\nbecause"));
  assert.deepEqual([orphan.thought, orphan.text], ["why", "because"]);
});

test("marks are words where the vendor has a field for thoughts", () => {
  const answer = answered({ choices: [{ delta: { reasoning_content: "why" } }] }, words("<think>x</think>"));
  assert.deepEqual([answer.thought, answer.text], ["why", "<think>x</think>"]);
});

test("how long it thought is counted from the first thought to the first word", () => {
  const answer = answered({ choices: [{ delta: { reasoning_content: "a" } }] }, { choices: [] }, words("b"));
  assert.equal(answer.thinking, false);
  assert.equal(answer.thoughtFor(99_000), 2000);
  const still = answered({ choices: [{ delta: { reasoning_content: "a" } }] });
  assert.equal(still.thinking, true);
  assert.equal(still.thoughtFor(5000), 3000);
  still.close(9000);
  assert.equal(still.thoughtFor(99_000), 0, "cut off in its first thought");
  assert.equal(answered(words("b")).thoughtFor(0), null);
});

test("a finish_reason is an end, and tells which", () => {
  for (const [finish, kind] of [["stop", "served"], ["tool_calls", "served"], ["length", "limit"], ["content_filter", "filtered"]]) {
    for (const closing of ["closed", "broken", "stopped"]) {
      assert.equal(endOf(answered(words("a"), words("", finish)), closing).kind, kind);
    }
  }
  assert.equal(endOf(answered(words("a"), "[DONE]"), "broken").kind, "served");
});

test("without one, whatever closed the connection, it is cut", () => {
  const begun = () => answered(words("a", ""), words("b"));
  assert.deepEqual(endOf(begun(), "closed"), { kind: "cut", code: "connection_closed" });
  assert.deepEqual(endOf(begun(), "broken"), { kind: "cut", code: "connection_broken" });
  assert.deepEqual(endOf(begun(), "stopped"), { kind: "stopped" });
  assert.deepEqual(endOf(answered(), "closed"), { kind: "cut", code: "connection_closed" });
});

test("an error event and finish_reason error are cuts, with their words", () => {
  const error = { error: { code: "upstream_truncated", message: "It ended." }, choices: [{ index: 0, delta: {}, finish_reason: "error" }] };
  assert.deepEqual(endOf(answered(words("a"), error), "broken"), { kind: "cut", code: "upstream_truncated", message: "It ended." });
  assert.equal(endOf(answered(words("a"), words("", "error")), "closed").code, "upstream_truncated");
  assert.equal(endOf(answered(words("a"), { error: "oops" }), "stopped").kind, "cut");
});

test("what is no chunk is passed over", () => {
  const odd = ["", "not json", "[]", "null", "3", { choices: null }, { choices: [null] }, { choices: [{ delta: null }] }, { choices: [{ index: 1, delta: { content: "x" } }] }, { choices: [{ delta: { content: 5 } }] }];
  const answer = answered(...odd);
  assert.deepEqual([answer.text, answer.thought, answer.finish], ["", "", null]);
});

test("nothing is taken in after [DONE]", () => {
  assert.equal(answered(words("a"), "[DONE]", words("b")).text, "a");
});

test("a mark that was held back is given out at the end", () => {
  const answer = answered(words("<thin"));
  assert.equal(answer.text, "");
  answer.close(5000);
  assert.equal(answer.text, "<thin");
});

test("figures are the vendor's count over the time of speaking", () => {
  const answer = answered(words("a"), words("b"), { choices: [], usage: { prompt_tokens: 3, completion_tokens: 50 } });
  assert.deepEqual(figures(answer), { seconds: 2, first: 1, tokens: 50, rate: 50 });
  assert.deepEqual(figures(answered()), { seconds: null, first: null, tokens: null, rate: null });
  assert.equal(figures(answered(words("all at once"), { usage: { completion_tokens: 9 } })).rate, null);
});
