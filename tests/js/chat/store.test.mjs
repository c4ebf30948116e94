/** What is kept, in memory: the same rules as in IndexedDB, which tests/browser tries. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Memory, Store } from "../../../targon_gw/web/static/js/chat/store.js";

const thread = (id, more = {}) => ({ id, title: id, updated: 1, chosen: {}, ...more });
const message = (id, of, text = id) => ({ id, thread: of, parent: null, role: "user", text, at: 1 });

async function filled() {
  const store = new Store(new Memory(), "test");
  await store.begin(thread("a", { title: "Load balancing" }));
  await store.begin(thread("b", { title: "数据库", updated: 2 }));
  await store.put(message("m1", "a", "what is SSE?"));
  await store.put(message("m2", "b", "索引怎么建"));
  return store;
}

test("threads are changed field by field, and choices add up", async () => {
  const store = await filled();
  await store.change("a", { title: "New", chosen: { x: "1" } });
  await store.change("a", { updated: 9, chosen: { y: "2" } });
  assert.deepEqual((await store.load("a")).thread, { id: "a", title: "New", updated: 9, chosen: { x: "1", y: "2" } });
});

test("what belongs to a thread that is gone is not kept", async () => {
  const store = await filled();
  await store.remove("a");
  await store.put(message("late", "a"));
  await store.change("a", { title: "late" });
  assert.equal(await store.load("a"), null);
  assert.deepEqual((await store.all()).map((each) => each.thread.id), ["b"]);
});

test("search looks at titles and texts", async () => {
  const store = await filled();
  assert.deepEqual([...(await store.find("balancing"))], ["a"]);
  assert.deepEqual([...(await store.find("索引"))], ["b"]);
  assert.deepEqual([...(await store.find("sse"))], ["a"]);
  assert.deepEqual([...(await store.find("nothing"))], []);
});

test("all of it comes newest first, each with its messages, and can be cleared", async () => {
  const store = await filled();
  assert.deepEqual((await store.all()).map((each) => [each.thread.id, each.messages.length]), [["b", 1], ["a", 1]]);
  await store.clear();
  assert.deepEqual(await store.all(), []);
  assert.equal(store.lasting, false);
});

test("what was given out is not what is kept", async () => {
  const store = await filled();
  (await store.load("a")).messages[0].text = "changed";
  assert.equal((await store.load("a")).messages[0].text, "what is SSE?");
});
