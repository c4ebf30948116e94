/**
 * A conversation under way: asks, takes in, stops, asks again, and has everything kept as it comes.
 *
 * It goes on while another conversation is looked at. It knows no page: whoever shows it listens. What was said is never
 * taken away: another try makes another version, and takes a place only where nothing had been said in it.
 *
 * Listeners hear `{what, message}`: `path` (what is shown has changed), `growing`, `ended`, `trouble` (not kept).
 */

import { Answer, endOf, figures } from "./answer.js";
import { requestOf, titleOf } from "./thread.js";

/** Milliseconds between two times that a growing answer is kept. */
const KEPT_EVERY = 2_000;

/** A name that nobody else makes; on plain http there is no crypto.randomUUID. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Talk {
  #store;
  #call;
  #key;
  #now;
  #id;
  #run = null;
  /** A broken answer that is not certain to be kept. */
  #unsure = null;
  #listeners = new Set();

  /**
   * `store` keeps, `call` is `converse` of transport.js, `key()` promises the key (null: none); `now` and `id` make
   * times in milliseconds and names that nobody else makes.
   */
  constructor(conversation, { store, call, key, now = Date.now, id = newId }) {
    this.conversation = conversation;
    this.#store = store;
    this.#call = call;
    this.#key = key;
    this.#now = now;
    this.#id = id;
  }

  get id() {
    return this.conversation.thread.id;
  }

  /** The answer that is coming in, as `{message, answer}`; null where none is. */
  get running() {
    return this.#run;
  }

  /** Hear of changes; returns what ends that. */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Ask `text` of `model`, as a follow-up of the message `parent` (null: as a first question). Resolves at the end. While
   * an answer is coming in nothing is asked: what is said beside it would never be answered.
   */
  async ask(text, model, parent) {
    if (this.#run) return;
    const { thread } = this.conversation;
    const now = this.#now();
    const fresh = this.conversation.messages.size === 0;
    const question = { id: this.#id(), thread: thread.id, parent, role: "user", text, at: now };
    this.conversation.add(question);
    if (fresh && !thread.named) thread.title = titleOf(text);
    Object.assign(thread, { model, updated: now });
    this.#keep(fresh ? this.#store.begin({ ...thread }) : this.#changed("title", "model", "updated", "chosen"));
    this.#keep(this.#store.put(question));
    await this.#answer(question.id, model);
  }

  /** Ask the question `id` in other words: a version of its own beside the old one. */
  edit(id, text, model) {
    return this.ask(text, model, this.conversation.messages.get(id).parent);
  }

  /** Have the question that the answer `id` answers answered again, by `model`. */
  again(id, model) {
    const old = this.conversation.messages.get(id);
    const empty = !old.text && !old.thought && old.end?.kind !== "served";
    return this.#answer(old.parent, model, empty ? old.id : null);
  }

  /** Stop the answer that is coming in. */
  stop() {
    this.#run?.controller.abort();
  }

  /** Show the version `id`. */
  choose(id) {
    this.conversation.choose(id);
    this.#keep(this.#changed("chosen"));
    this.#say("path");
  }

  /** Change the thread's own fields: title, named, model, settings. */
  set(fields) {
    Object.assign(this.conversation.thread, fields);
    // A thread in which nothing was said is not kept.
    if (this.conversation.messages.size) this.#keep(this.#store.change(this.id, fields));
  }

  /** Take in `messages` that another window wrote. */
  takeIn(messages) {
    for (const message of messages) this.conversation.put(message);
    this.#say("path");
  }

  /**
   * The page is about to go: leave what there is of the answer that is coming in. Browsers break connections off before
   * they say that a page goes: an answer that has just ended so, and is not kept yet, is left as well.
   */
  leave() {
    const message = this.#run?.message ?? this.#unsure;
    if (message) this.#store.putLast({ ...message, touched: this.#now(), end: { kind: "cut", code: "left" } });
  }

  async #answer(question, model, place = null) {
    if (this.#run) return;
    const now = this.#now();
    const message = {
      ...{ id: place ?? this.#id(), thread: this.id, parent: question, role: "assistant" },
      ...{ text: "", thought: "", thinking: null, model, served: null, request: null, usage: null, figures: null },
      ...{ end: null, at: place ? this.conversation.messages.get(place).at : now, touched: now },
    };
    this.conversation.add(message);
    const run = { message, answer: new Answer(now), controller: new AbortController(), kept: now };
    this.#run = run;
    this.conversation.thread.updated = now;
    this.#keep(this.#changed("updated", "chosen"));
    this.#keepRun();
    this.#say("path", message);
    const beat = setInterval(() => this.#keepRun(), KEPT_EVERY);
    try {
      message.end = await this.#carry(run, requestOf(this.conversation, question, model));
    } finally {
      clearInterval(beat);
      this.#close(run);
    }
  }

  async #carry(run, body) {
    const { answer, message, controller } = run;
    const { signal } = controller;
    const seen = (head) => Object.assign(message, { request: head.request, served: head.model });
    const take = (data) => {
      answer.take(data, this.#now());
      this.#grown(run);
    };
    try {
      const key = await this.#key();
      if (signal.aborted) return { kind: "stopped" };
      const closing = await this.#call(body, { key, signal, seen, take });
      return endOf(answer, closing);
    } catch (error) {
      if (signal.aborted) return { kind: "stopped" };
      // Refused by the API, or by the pages' own when the key was asked for.
      if (!error.status || typeof error.code !== "string") return { kind: "unreachable" };
      const { code, message: told, status, wait = null, param = null } = error;
      return { kind: "refused", code, message: told, status, wait, param };
    }
  }

  #grown(run) {
    const { answer, message } = run;
    Object.assign(message, { text: answer.text, thought: answer.thought });
    this.#say("growing", message);
  }

  #close(run) {
    const { answer, message } = run;
    answer.close(this.#now());
    message.end ??= { kind: "cut", code: "internal_error" };
    Object.assign(message, {
      ...{ text: answer.text, thought: answer.thought, thinking: answer.thoughtFor(this.#now()) },
      ...{ usage: answer.usage, figures: figures(answer) },
    });
    const kept = this.#keepRun();
    this.#run = null;
    if (message.end.code === "connection_broken") {
      this.#unsure = message;
      kept.finally(() => (this.#unsure = null));
    }
    this.conversation.thread.updated = this.#now();
    this.#keep(this.#changed("updated"));
    this.#say("ended", message);
  }

  #keepRun() {
    const { message } = this.#run;
    message.touched = this.#now();
    return this.#keep(this.#store.put({ ...message }));
  }

  #changed(...names) {
    const { thread } = this.conversation;
    return this.#store.change(thread.id, Object.fromEntries(names.map((name) => [name, thread[name]])));
  }

  #keep(promise) {
    return promise.catch((error) => this.#say("trouble", null, error));
  }

  #say(what, message = null, error = null) {
    for (const listener of this.#listeners) listener({ what, message, error });
  }
}
