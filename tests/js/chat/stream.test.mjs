/** Events out of bytes, at any split. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Events, readEvents } from "../../../targon_gw/web/static/js/chat/stream.js";
import { forAll, oneOf, split } from "./loops.mjs";

function told(...pieces) {
  const events = new Events();
  return pieces.flatMap((piece) => events.feed(piece));
}

test("an event is its data lines, joined, and its name", () => {
  assert.deepEqual(told("event: note\ndata: a\ndata:b\n\n"), [{ name: "note", data: "a\nb" }]);
  assert.deepEqual(told("data:  two spaces\n\n"), [{ name: "message", data: " two spaces" }]);
  assert.deepEqual(told("data\n\n"), [{ name: "message", data: "" }]);
});

test("comments, other fields and blank lines tell nothing", () => {
  assert.deepEqual(told(": keep-alive\n\n\nid: 4\nretry: 10\n\nevent: lonely\n\n"), []);
});

test("what has no blank line after it is not told", () => {
  assert.deepEqual(told("data: begun"), []);
  assert.deepEqual(told("data: begun\n"), []);
});

test("all three line ends are the same, whatever the split", () => {
  const expected = [
    { name: "message", data: "one\nmore" },
    { name: "x", data: "two" },
  ];
  forAll(400, (draw) => {
    const text = ["data: one", "data: more", "", ": c", "event: x", "data: two", "", ""];
    let written = "";
    for (const line of text) {
      // A return, an empty line and a line feed would be one end and not two.
      const ends = line === "" && written.endsWith("\r") ? ["\r\n", "\r"] : ["\n", "\r\n", "\r"];
      written += line + oneOf(draw, ends);
    }
    assert.deepEqual(told(...split(draw, written)), expected, JSON.stringify(written));
  });
});

test("bytes split anywhere, also within a character, tell the same", async () => {
  const text = 'data: {"a":"你好 🌍 é"}\n\ndata: [DONE]\n\n';
  const bytes = new TextEncoder().encode(text);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const got = [];
    await readEvents(bodyOf([bytes.slice(0, cut), bytes.slice(cut)]), (event) => got.push(event.data));
    assert.deepEqual(got, ['{"a":"你好 🌍 é"}', "[DONE]"], `cut at ${cut}`);
  }
});

test("a line without end is refused, not kept for ever", () => {
  const events = new Events();
  const piece = "x".repeat(1 << 20);
  assert.throws(() => {
    for (let count = 0; count < 20; count += 1) events.feed(piece);
  }, RangeError);
});

test("timers that are held back, as in a tab that nobody looks at, hold nothing up", async () => {
  const real = globalThis.setTimeout;
  globalThis.setTimeout = () => 0;
  try {
    const bytes = new TextEncoder().encode("data: slow\n\n");
    const got = [];
    const slow = (event) => {
      for (const from = performance.now(); performance.now() - from < 15; );
      got.push(event.data);
    };
    await readEvents(bodyOf([bytes, bytes, bytes]), slow);
    assert.equal(got.length, 3);
  } finally {
    globalThis.setTimeout = real;
  }
});

test("what breaks the body is thrown, after what came before it", async () => {
  const got = [];
  const body = new ReadableStream({
    pull(controller) {
      if (got.length) controller.error(new TypeError("reset"));
      else controller.enqueue(new TextEncoder().encode("data: first\n\n"));
    },
  });
  await assert.rejects(readEvents(body, (event) => got.push(event.data)), TypeError);
  assert.deepEqual(got, ["first"]);
});

function bodyOf(chunks) {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}
