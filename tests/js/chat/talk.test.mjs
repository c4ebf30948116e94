/** A conversation under way: asked, taken in, stopped, asked again, and kept. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Memory, Store } from "../../../targon_gw/web/static/js/chat/store.js";
import { newId, Talk } from "../../../targon_gw/web/static/js/chat/talk.js";
import { Conversation, newThread } from "../../../targon_gw/web/static/js/chat/thread.js";
import { Refused, Unreachable } from "../../../targon_gw/web/static/js/chat/transport.js";

const words = (content, finish = null) => JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] });

/** A talk whose calls are answered by `script`, functions of `(body, options)` in turn. */
function talking(...script) {
  const store = new Store(new Memory(), "test");
  const sent = [];
  const call = (body, options) => {
    sent.push({ body, key: options.key });
    return script.shift()(body, options);
  };
  let time = 0;
  const talk = new Talk(new Conversation(newThread("t", 0, "m")), { store, call, key: async () => "k", now: () => (time += 10) });
  const heard = [];
  talk.listen(({ what }) => heard.push(what));
  return { talk, store, sent, heard };
}

const says =
  (...texts) =>
  async (_, { take, seen }) => {
    seen({ request: "req_1", model: "served" });
    texts.forEach((text, at) => take(words(text, at === texts.length - 1 ? "stop" : null)));
    return "closed";
  };

test("a question and its answer are shown, sent and kept", async () => {
  const { talk, store, sent, heard } = talking(says("Hel", "lo"));
  await talk.ask("## Hi there", "m", null);

  const [question, answer] = talk.conversation.path();
  assert.deepEqual([question.text, answer.text, answer.end.kind], ["## Hi there", "Hello", "served"]);
  assert.deepEqual([answer.request, answer.served], ["req_1", "served"]);
  assert.equal(sent[0].key, "k");
  assert.deepEqual(sent[0].body.messages, [{ role: "user", content: "## Hi there" }]);
  assert.equal(talk.running, null);
  assert.equal(heard[0], "path");
  assert.equal(heard.at(-1), "ended");
  const kept = await store.load("t");
  assert.equal(kept.thread.title, "Hi there");
  assert.deepEqual(kept.messages.map((each) => each.text).sort(), ["## Hi there", "Hello"]);
  assert.equal(kept.messages.find((each) => each.role === "assistant").end.kind, "served");
});

test("while one answer comes in no other is asked for", async () => {
  let go;
  const { talk, sent } = talking(() => new Promise((done) => (go = () => done("closed"))));
  const first = talk.ask("one", "m", null);
  await new Promise((done) => setTimeout(done));
  await talk.again(talk.running.message.id, "m");
  await talk.ask("two", "m", talk.running.message.id);
  go();
  await first;
  assert.equal(sent.length, 1);
  assert.deepEqual(talk.conversation.path().map(({ role }) => role), ["user", "assistant"], "no question stands unanswered");
});

test("stopping aborts the call, and keeps what was said", async () => {
  const { talk, store } = talking(async (_, { take, signal, seen }) => {
    seen({ request: "r", model: null });
    take(words("half"));
    return new Promise((done) => signal.addEventListener("abort", () => done("stopped")));
  });
  const asked = talk.ask("q", "m", null);
  await new Promise((done) => setTimeout(done));
  talk.stop();
  await asked;
  const answer = talk.conversation.path()[1];
  assert.deepEqual([answer.text, answer.end.kind], ["half", "stopped"]);
  assert.equal((await store.load("t")).messages.find((each) => each.id === answer.id).text, "half");
});

test("a page that goes keeps what had come, as cut", async () => {
  let go;
  const { talk, store } = talking(async (_, { take }) => {
    take(words("half"));
    return new Promise((done) => (go = () => done("closed")));
  });
  const last = [];
  store.putLast = (message) => last.push(message);
  talk.leave();
  const asked = talk.ask("q", "m", null);
  await new Promise((done) => setTimeout(done));
  talk.leave();
  assert.deepEqual(last.map((each) => [each.text, each.end]), [["half", { kind: "cut", code: "left" }]]);
  assert.equal(talk.running.message.end, null, "and goes on, should the page stay");
  go();
  await asked;
});

test("a connection that broke because the page goes is left as well, until it is kept", async () => {
  const { talk, store } = talking(async (_, { take }) => {
    take(words("half"));
    return "broken";
  });
  const last = [];
  store.putLast = (message) => last.push(message.text);
  talk.listen(({ what }) => what === "ended" && talk.leave());
  await talk.ask("q", "m", null);
  assert.deepEqual(last, ["half"]);
  await new Promise((done) => setTimeout(done));
  talk.leave();
  assert.deepEqual(last, ["half"]);
});

test("stopping before the head is a stop as well", async () => {
  const { talk } = talking(
    (_, { signal }) => new Promise((_, failed) => signal.addEventListener("abort", () => failed(new DOMException("", "AbortError")))),
  );
  const asked = talk.ask("q", "m", null);
  await new Promise((done) => setTimeout(done));
  talk.stop();
  await asked;
  assert.equal(talk.conversation.path()[1].end.kind, "stopped");
});

test("a refusal is an answer with its reason; another try takes its place", async () => {
  const refuse = async () => {
    throw new Refused(429, { code: "rate_limit_exceeded", message: "Slow down.", param: null }, 7, "req_9");
  };
  const { talk } = talking(refuse, says("ok"));
  await talk.ask("q", "m", null);
  const refused = talk.conversation.path()[1];
  assert.deepEqual(refused.end, { kind: "refused", code: "rate_limit_exceeded", message: "Slow down.", status: 429, wait: 7, param: null });
  await talk.again(refused.id, "m");
  const answers = talk.conversation.children(talk.conversation.path()[0].id);
  assert.deepEqual(answers, [refused.id]);
  assert.equal(talk.conversation.path()[1].text, "ok");
});

test("another try at what was cut is a version beside it: nothing is lost", async () => {
  const cut = async (_, { take }) => {
    take(words("begun"));
    return "broken";
  };
  const { talk, store } = talking(cut, says("whole"));
  await talk.ask("q", "m", null);
  const first = talk.conversation.path()[1];
  assert.deepEqual(first.end, { kind: "cut", code: "connection_broken" });
  await talk.again(first.id, "m");
  assert.equal(talk.conversation.path()[1].text, "whole");
  assert.deepEqual((await store.load("t")).messages.map((each) => each.text).sort(), ["begun", "q", "whole"]);
  talk.choose(first.id);
  assert.equal(talk.conversation.path()[1].text, "begun");
  assert.equal((await store.load("t")).thread.chosen[first.parent], first.id);
});

test("no answer at all is told as that", async () => {
  const { talk } = talking(async () => {
    throw new Unreachable("gone");
  });
  await talk.ask("q", "m", null);
  assert.deepEqual(talk.conversation.path()[1].end, { kind: "unreachable" });
});

test("a session that is over is a refusal, too", async () => {
  const { store } = talking();
  const key = async () => {
    throw Object.assign(new Error("Sign in first."), { status: 401, code: "not_signed_in", wait: null });
  };
  const talk = new Talk(new Conversation(newThread("t", 0, "m")), { store, call: says("a"), key });
  await talk.ask("q", "m", null);
  assert.deepEqual([talk.conversation.path()[1].end.kind, talk.conversation.path()[1].end.code], ["refused", "not_signed_in"]);
});

test("a question in other words is a branch, and the title stays", async () => {
  const { talk, sent } = talking(says("a"), says("b"));
  await talk.ask("first", "m", null);
  await talk.edit(talk.conversation.path()[0].id, "second", "m2");
  assert.deepEqual(talk.conversation.path().map((each) => each.text), ["second", "b"]);
  assert.equal(talk.conversation.children(null).length, 2);
  assert.deepEqual(sent[1].body.messages, [{ role: "user", content: "second" }]);
  assert.equal(talk.conversation.thread.title, "first");
});

test("what another window wrote is taken in", async () => {
  const { talk, heard } = talking(says("a"));
  await talk.ask("q", "m", null);
  const question = talk.conversation.path()[0];
  const other = { id: "x", thread: "t", parent: question.id, role: "assistant", text: "other", thought: "", at: 1e15, end: { kind: "served" } };
  talk.takeIn([other]);
  assert.equal(talk.conversation.children(question.id).length, 2);
  assert.equal(heard.at(-1), "path");
});

test("what cannot be kept is told, and the talk goes on", async () => {
  const store = new Store(new Memory(), "test");
  store.put = async () => {
    throw new Error("full");
  };
  const talk = new Talk(new Conversation(newThread("t", 0, "m")), { store, call: says("a"), key: async () => null });
  const heard = [];
  talk.listen(({ what }) => heard.push(what));
  await talk.ask("q", "m", null);
  await new Promise((done) => setTimeout(done));
  assert.ok(heard.includes("trouble"));
  assert.equal(talk.conversation.path()[1].text, "a");
});

test("names are not made twice", () => {
  assert.equal(new Set(Array.from({ length: 500 }, newId)).size, 500);
  assert.match(newId(), /^[0-9a-f]{32}$/);
});
