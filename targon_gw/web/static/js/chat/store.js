/**
 * Where conversations are kept: IndexedDB of this browser, a database for each name; or memory, where the browser gives
 * none (private windows), which `lasting` tells. Nothing of them ever goes to the server but what a call sends.
 *
 * Messages are records of their own and threads are changed field by field in one transaction, so that two windows never
 * overwrite one another; each tells the others what it has changed. What belongs to a thread that is gone is not kept.
 */

import { matches } from "./days.js";

const VERSION = 1;

/** The store of `owner`'s conversations (empty: of whoever is not signed in). Never fails: at worst it forgets. */
export async function openStore(owner) {
  const name = owner ? `targon-gw-chat:${owner}` : "targon-gw-chat";
  let shelf;
  try {
    shelf = new Shelf(await opened(name), `${name}:left:`);
    await shelf.recover();
  } catch {
    shelf = new Memory();
  }
  return new Store(shelf, name);
}

/** What the pages ask; `shelf` keeps it. */
export class Store {
  #shelf;
  #channel = null;
  #listeners = [];

  constructor(shelf, name) {
    this.#shelf = shelf;
    if (!shelf.lasting || typeof BroadcastChannel === "undefined") return;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = (event) => this.#listeners.forEach((tell) => tell(event.data));
  }

  /** Whether it is there after the window is closed. */
  get lasting() {
    return this.#shelf.lasting;
  }

  /** Have `tell({kind, id})` hear what other windows change: kind saved | removed | cleared, `id` the thread's. */
  onElsewhere(tell) {
    this.#listeners.push(tell);
  }

  /** All threads, in no order. */
  threads() {
    return this.#shelf.threads();
  }

  /** `{thread, messages}`, or null. */
  load(id) {
    return this.#shelf.load(id);
  }

  /** Keep a thread that was not there before. */
  async begin(thread) {
    await this.#shelf.change(thread.id, () => thread);
    this.#say("saved", thread.id);
  }

  /** Change `fields` of the thread `id`, where it is still there; what was chosen is added to what others chose. */
  async change(id, fields) {
    await this.#shelf.change(id, (kept) =>
      kept ? { ...kept, ...fields, chosen: { ...kept.chosen, ...fields.chosen } } : null,
    );
    this.#say("saved", id);
  }

  /** Keep `message`, where its thread is still there. */
  async put(message) {
    await this.#shelf.put(structuredClone(message));
    this.#say("saved", message.thread);
  }

  /** As `put`, for a page that is about to go. */
  putLast(message) {
    this.#shelf.putLast(message);
  }

  async remove(id) {
    await this.#shelf.remove(id);
    this.#say("removed", id);
  }

  /** Keep `{thread, messages}` whole, in place of what there was of it; of a lasting store alone. */
  async take(kept) {
    await this.#shelf.take(kept);
    this.#say("saved", kept.thread.id);
  }

  /** Remove a thread, where it still is as `kept` by `load`; whether it was. Of a lasting store alone. */
  async removeAs(kept) {
    const removed = await this.#shelf.removeAs(kept);
    if (removed) this.#say("removed", kept.thread.id);
    return removed;
  }

  async clear() {
    await this.#shelf.clear();
    this.#say("cleared", null);
  }

  /** Ids of the threads in whose title or messages every word of `query` stands. */
  async find(query) {
    const [threads, messages] = await Promise.all([this.#shelf.threads(), this.#shelf.messages()]);
    const texts = new Map(threads.map((thread) => [thread.id, [thread.title]]));
    for (const message of messages) texts.get(message.thread)?.push(message.text);
    return new Set([...texts].filter(([, parts]) => parts.some((part) => matches(part, query))).map(([id]) => id));
  }

  /** `{thread, messages}` of all threads, newest first. */
  async all() {
    const [threads, messages] = await Promise.all([this.#shelf.threads(), this.#shelf.messages()]);
    const by = new Map(threads.map((thread) => [thread.id, { thread, messages: [] }]));
    for (const message of messages) by.get(message.thread)?.messages.push(message);
    return [...by.values()].sort((a, b) => b.thread.updated - a.thread.updated);
  }

  #say(kind, id) {
    this.#channel?.postMessage({ kind, id });
  }
}

/** In memory: gone with the window. */
export class Memory {
  lasting = false;
  #threads = new Map();
  #messages = new Map();

  async threads() {
    return structuredClone([...this.#threads.values()]);
  }

  async messages() {
    return structuredClone([...this.#messages.values()]);
  }

  async load(id) {
    const thread = this.#threads.get(id);
    if (!thread) return null;
    return structuredClone({ thread, messages: [...this.#messages.values()].filter((each) => each.thread === id) });
  }

  async change(id, changed) {
    const thread = changed(this.#threads.get(id));
    if (thread) this.#threads.set(id, structuredClone(thread));
  }

  async put(message) {
    if (this.#threads.has(message.thread)) this.#messages.set(message.id, message);
  }

  putLast() {} // it goes with the page

  async remove(id) {
    this.#threads.delete(id);
    for (const message of [...this.#messages.values()]) if (message.thread === id) this.#messages.delete(message.id);
  }

  async clear() {
    this.#threads.clear();
    this.#messages.clear();
  }
}

/** In IndexedDB. */
class Shelf {
  lasting = true;
  #database;
  #left;

  /** `left`: how the names begin under which pages that go leave something in localStorage. */
  constructor(database, left) {
    this.#database = database;
    this.#left = left;
    // A newer page wants to change the tables: this one must not be in its way.
    database.onversionchange = () => database.close();
  }

  threads() {
    return this.#within("readonly", (threads) => asked(threads.getAll()));
  }

  messages() {
    return this.#within("readonly", (_, messages) => asked(messages.getAll()));
  }

  load(id) {
    return this.#within("readonly", async (threads, messages) => {
      const found = await Promise.all([asked(threads.get(id)), asked(messages.index("thread").getAll(id))]);
      return found[0] ? { thread: found[0], messages: found[1] } : null;
    });
  }

  change(id, changed) {
    return this.#within("readwrite", async (threads) => {
      const thread = changed(await asked(threads.get(id)));
      if (thread) threads.put(thread);
    });
  }

  put(message) {
    return this.#within("readwrite", async (threads, messages) => {
      if (await asked(threads.getKey(message.thread))) messages.put(message);
    });
  }

  /** A database gives up what a page that goes asks of it; what is written here stays, until the next page opens it. */
  putLast(message) {
    try {
      localStorage.setItem(this.#left + message.id, JSON.stringify(message));
    } catch {
      // full: what was kept while it came in has to do
    }
  }

  /** Keep what pages that went have left. An answer that came to its end all the same is as it was kept then. */
  async recover() {
    for (const key of Object.keys(localStorage).filter((each) => each.startsWith(this.#left))) {
      const message = JSON.parse(localStorage.getItem(key));
      localStorage.removeItem(key);
      const kept = await this.#within("readonly", (_, messages) => asked(messages.get(message.id)));
      if (kept && !kept.end) await this.put(message);
    }
  }

  take({ thread, messages: all }) {
    return this.#within("readwrite", async (threads, messages) => {
      threads.put(thread);
      for (const message of all) messages.put(message);
    });
  }

  remove(id) {
    return this.#within("readwrite", async (threads, messages) => {
      threads.delete(id);
      for (const key of await asked(messages.index("thread").getAllKeys(id))) messages.delete(key);
    });
  }

  removeAs(kept) {
    const id = kept.thread.id;
    return this.#within("readwrite", async (threads, messages) => {
      const there = [await asked(threads.get(id)), await asked(messages.index("thread").getAll(id))];
      if (JSON.stringify(there) !== JSON.stringify([kept.thread, kept.messages])) return false;
      threads.delete(id);
      for (const message of kept.messages) messages.delete(message.id);
      return true;
    });
  }

  clear() {
    return this.#within("readwrite", async (threads, messages) => {
      threads.clear();
      messages.clear();
    });
  }

  /** Do `work` in one transaction; done when that is. */
  async #within(mode, work) {
    const transaction = this.#database.transaction(["threads", "messages"], mode);
    const ended = new Promise((done, failed) => {
      transaction.oncomplete = () => done();
      transaction.onabort = () => failed(transaction.error ?? new Error("the browser could not keep it"));
    });
    ended.catch(() => {}); // told below, where the work did not fail first
    const result = await work(transaction.objectStore("threads"), transaction.objectStore("messages"));
    await ended;
    return result;
  }
}

function asked(request) {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

function opened(name) {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("threads", { keyPath: "id" });
    request.result.createObjectStore("messages", { keyPath: "id" }).createIndex("thread", "thread");
  };
  return asked(request);
}
