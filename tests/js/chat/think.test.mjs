/** Thoughts told from words, at any split. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Orphans, Splitter, partedAtOrphan } from "../../../targon_gw/web/static/js/chat/think.js";
import { forAll, oneOf, split } from "./loops.mjs";

function parted(pieces) {
  const splitter = new Splitter();
  const whole = { thought: "", text: "" };
  for (const piece of [...pieces.map((each) => splitter.feed(each)), splitter.end()]) {
    whole.thought += piece.thought;
    whole.text += piece.text;
  }
  return whole;
}

test("an answer that opens with the mark thinks until it closes", () => {
  assert.deepEqual(parted(["<think>why</think>because"]), { thought: "why", text: "because" });
  assert.deepEqual(parted([" \n<think>why</think>because"]), { thought: "why", text: "because" });
});

test("a thought that is never closed is a thought", () => {
  assert.deepEqual(parted(["<think>why</thi"]), { thought: "why</thi", text: "" });
});

test("words about the mark stay words", () => {
  for (const words of ["Use <think> and </think>.", "<thinker>x", "<", "<thin", "a</think>b"]) {
    assert.deepEqual(parted([words]), { thought: "", text: words });
  }
  assert.deepEqual(parted(["<think>a</think>b <think>c</think>"]), { thought: "a", text: "b <think>c</think>" });
});

test("however it is split, the same is told and nothing is lost", () => {
  const parts = ["<think>", "</think>", "<", "</", "think", ">", "a", "答", "\n", " "];
  forAll(3000, (draw) => {
    const words = Array.from({ length: 1 + Math.floor(draw() * 9) }, () => oneOf(draw, parts)).join("");
    const whole = parted([words]);
    assert.deepEqual(parted(split(draw, words, 4)), whole, JSON.stringify(words));
    const opened = words.trimStart().startsWith("<think>");
    if (!opened) assert.deepEqual(whole, { thought: "", text: words });
    else assert.equal(`<think>${whole.thought}`, words.trimStart().slice(0, whole.thought.length + 7));
  });
});

function orphanIn(pieces) {
  const orphans = new Orphans();
  return pieces.some((piece) => orphans.feed(piece));
}

test("a closing mark alone on its line, never opened, is seen at any split", () => {
  forAll(500, (draw) => {
    assert.ok(orphanIn(split(draw, "so it is four\n\n</think>\n\nFour.", 5)));
    assert.ok(orphanIn(split(draw, "</think>\nFour.", 5)));
    assert.ok(!orphanIn(split(draw, "it ends with </think>\nhere", 5)));
    assert.ok(!orphanIn(split(draw, `<think>\n${"long ".repeat(20)}\n</think>\nhere`, 5)));
    assert.ok(!orphanIn(split(draw, `an inline ${"long ".repeat(20)} <think> mark\n</think>\nhere`, 5)));
  });
});

test("what stands before an orphan is thought", () => {
  assert.deepEqual(partedAtOrphan("why\n</think>\n\nbecause"), { thought: "why", text: "\nbecause" });
  assert.deepEqual(partedAtOrphan("nothing"), { thought: "", text: "nothing" });
});
