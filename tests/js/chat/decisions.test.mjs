/** When the end is followed, when a key sends, which day it was, what is found, what a file is called. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { daysBetween, groupByDay, matches } from "../../../targon_gw/web/static/js/chat/days.js";
import { fileName } from "../../../targon_gw/web/static/js/chat/export.js";
import { follows } from "../../../targon_gw/web/static/js/chat/follow.js";
import { GRACE, sends } from "../../../targon_gw/web/static/js/chat/ime.js";
import { forAll } from "./loops.mjs";

const box = (top, height = 2000, view = 500) => ({ top, height, view });

test("growth below keeps whatever was so", () => {
  assert.equal(follows(true, box(1500), box(1500, 2400)), true);
  assert.equal(follows(false, box(900), box(900, 2400)), false);
});

test("a move up ends it, however small and close to the end", () => {
  assert.equal(follows(true, box(1500), box(1480)), false);
  assert.equal(follows(true, box(1500), box(300)), false);
});

test("coming back to the end begins it again", () => {
  assert.equal(follows(false, box(1000), box(1500)), true);
  assert.equal(follows(false, box(1000), box(1480)), true);
  assert.equal(follows(false, box(1000), box(1300)), false);
});

test("a box that shrinks, or a window that grows, is no reader's move", () => {
  assert.equal(follows(true, box(1500), box(1300, 1800)), true);
  assert.equal(follows(true, box(1500), box(1300, 2000, 700)), true);
});

test("a reader who scrolled up is never taken along, whatever grows", () => {
  forAll(300, (draw) => {
    let following = follows(true, box(1500), box(1200 - draw() * 1000));
    let seen = box(1200 - draw() * 1000);
    for (let step = 0; step < 20; step += 1) {
      const grown = box(seen.top, seen.height + draw() * 300);
      following = follows(following, seen, grown);
      seen = grown;
    }
    assert.equal(following, false);
  });
});

const enter = { key: "Enter", keyCode: 13, isComposing: false, timeStamp: 1000 };

test("Enter alone sends, with another key it does not", () => {
  assert.equal(sends(enter), true);
  for (const with_ of ["shiftKey", "ctrlKey", "altKey", "metaKey"]) assert.equal(sends({ ...enter, [with_]: true }), false);
  assert.equal(sends({ ...enter, key: "a" }), false);
});

test("no Enter of an input method sends, in any browser's way of saying so", () => {
  assert.equal(sends({ ...enter, isComposing: true }), false);
  assert.equal(sends({ ...enter, keyCode: 229 }), false);
  assert.equal(sends(enter, 1000 - GRACE + 1), false, "Safari: the composition has just ended");
  assert.equal(sends(enter, 1000 - GRACE), true);
});

const at = (...parts) => new Date(...parts).getTime();

test("days are the reader's own", () => {
  assert.equal(daysBetween(at(2026, 2, 4, 23, 59), at(2026, 2, 5, 0, 1)), 1);
  assert.equal(daysBetween(at(2026, 2, 5, 0, 1), at(2026, 2, 5, 23, 59)), 0);
  assert.equal(daysBetween(at(2025, 11, 31, 12), at(2026, 0, 1, 1)), 1);
  for (let month = 0; month < 12; month += 1) {
    assert.equal(daysBetween(at(2026, month, 1, 1), at(2026, month, 29, 23)), 28, "also where clocks are put on");
  }
});

test("threads are grouped by day, then by month, newest first", () => {
  const now = at(2026, 5, 20, 15);
  const times = [now, at(2026, 5, 20, 0, 5), at(2026, 5, 19, 23), at(2026, 5, 15), at(2026, 5, 1), at(2026, 3, 9), at(2026, 3, 2), at(2025, 3, 2)];
  const groups = groupByDay(times.map((updated, id) => ({ id, updated })).reverse(), now);
  assert.deepEqual(
    groups.map(({ name, year, month, threads }) => [name, year, month, threads.map((each) => each.id)]),
    [
      ["today", null, null, [0, 1]],
      ["yesterday", null, null, [2]],
      ["week", null, null, [3]],
      ["month", null, null, [4]],
      ["older", 2026, 4, [5, 6]],
      ["older", 2025, 4, [7]],
    ],
  );
});

test("a thread of tomorrow, by a clock that was wrong, is today's", () => {
  assert.equal(groupByDay([{ updated: at(2026, 5, 21) }], at(2026, 5, 20))[0].name, "today");
});

test("every word is looked for, without case and width", () => {
  assert.ok(matches("Ｓｑｌ 查询优化 Tips", "sql 优化"));
  assert.ok(!matches("sql only", "sql 优化"));
  assert.ok(matches("anything", " "));
});

test("a file's name is made of letters, whatever the title", () => {
  const now = Date.UTC(2026, 2, 4);
  assert.equal(fileName("../a b:c?<x>", now, "md"), "a-b-c-x-2026-03-04.md");
  assert.equal(fileName("你好，世界", now, "json"), "你好-世界-2026-03-04.json");
  assert.equal(fileName("…", now, "md"), "chat-2026-03-04.md");
});
