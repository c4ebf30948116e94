/** Conversations as trees. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation, newThread, promptOf, requestOf, standingOf, titleOf } from "../../../targon_gw/web/static/js/chat/thread.js";
import { forAll, oneOf } from "./loops.mjs";

let clock = 0;
const user = (id, parent, text = id) => ({ id, thread: "t", parent, role: "user", text, at: (clock += 1) });
const assistant = (id, parent, text = id) => ({ ...user(id, parent, text), role: "assistant", thought: "hm" });

function begun(settings = {}) {
  const talk = new Conversation(newThread("t", 0, "m", settings));
  talk.add(user("q1", null));
  talk.add(assistant("a1", "q1"));
  talk.add(user("q2", "a1"));
  talk.add(assistant("a2", "q2"));
  return talk;
}

const shown = (talk) => talk.path().map((message) => message.id);

test("another answer is a version beside the first, and each keeps what follows on it", () => {
  const talk = begun();
  talk.add(assistant("b1", "q1"));
  assert.deepEqual(shown(talk), ["q1", "b1"]);
  assert.deepEqual(talk.versions("b1"), { ids: ["a1", "b1"], index: 1 });
  talk.choose("a1");
  assert.deepEqual(shown(talk), ["q1", "a1", "q2", "a2"]);
});

test("a question asked in other words is a branch of its own", () => {
  const talk = begun();
  talk.add(user("q2b", "a1"));
  talk.add(assistant("a2b", "q2b"));
  assert.deepEqual(shown(talk), ["q1", "a1", "q2b", "a2b"]);
  talk.add(user("other", null));
  assert.deepEqual(shown(talk), ["other"]);
  talk.choose("q1");
  assert.deepEqual(shown(talk), ["q1", "a1", "q2b", "a2b"]);
});

test("two windows that add to one thread make branches, and neither loses", () => {
  const [one, other] = [begun(), begun()];
  one.add(user("x", "a2"));
  other.add(user("y", "a2"));
  const merged = new Conversation(one.thread, [...one.messages.values(), ...other.messages.values()]);
  assert.deepEqual(merged.children("a2"), ["x", "y"]);
});

test("a message put again takes its old place", () => {
  const talk = begun();
  talk.put({ ...talk.messages.get("a1"), text: "new" });
  assert.deepEqual(talk.children("q1"), ["a1"]);
  assert.equal(talk.messages.get("a1").text, "new");
});

test("on any tree the path is one line from a first question, and every message can be shown", () => {
  forAll(200, (draw) => {
    const talk = new Conversation(newThread("t", 0));
    const ids = [];
    for (let count = 0; count < 15; count += 1) {
      const parent = draw() < 0.2 || !ids.length ? null : oneOf(draw, ids);
      ids.push(`m${count}`);
      talk.add(user(`m${count}`, parent));
      if (draw() < 0.3) talk.choose(oneOf(draw, ids));
    }
    const line = talk.path();
    line.forEach((message, at) => assert.equal(message.parent, at ? line[at - 1].id : null));
    assert.equal(talk.children(line[line.length - 1].id).length, 0);
    for (const id of ids) {
      for (const each of talk.upTo(id)) talk.choose(each.id);
      assert.ok(shown(talk).includes(id));
    }
  });
});

test("messages that are their own ancestors do not hang the page", () => {
  const talk = new Conversation(newThread("t", 0), [user("a", "b"), user("b", "a")]);
  assert.deepEqual(talk.path(), []);
  assert.equal(talk.upTo("a").length, 2);
});

test("what is sent is what was said, without thoughts and empty answers", () => {
  const talk = begun({ system: "  Be brief. " });
  talk.put({ ...talk.messages.get("a1"), text: "" });
  assert.deepEqual(promptOf(talk, "q2"), [
    { role: "system", content: "Be brief." },
    { role: "user", content: "q1" },
    { role: "user", content: "q2" },
  ]);
});

test("only settings that were made are sent", () => {
  const talk = begun({ temperature: 0, max_tokens: null, top_p: undefined });
  const body = requestOf(talk, "q1", "m");
  assert.deepEqual(body, {
    model: "m",
    messages: [{ role: "user", content: "q1" }],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0,
  });
});

test("a title is the first line, plain and short", () => {
  assert.equal(titleOf("\n## Hello **there**\nmore"), "Hello there");
  assert.equal(titleOf("***"), "***");
  assert.equal(titleOf(""), "");
  const long = titleOf("🌍".repeat(60));
  assert.equal([...long].length, 48);
  assert.ok(long.endsWith("🌍…"));
});

test("an answer without end is another window's while that writes, and cut after", () => {
  const message = { at: 0, touched: 50_000, end: null };
  assert.deepEqual(standingOf(message, 55_000), { kind: "elsewhere" });
  assert.deepEqual(standingOf(message, 61_000), { kind: "cut", code: "left" });
  assert.deepEqual(standingOf({ ...message, end: { kind: "served" } }, 99_000), { kind: "served" });
});
