/*
 * "Run": the request of a snippet, made by the page itself, and what came of it. No document is touched here; box.js
 * shows it.
 */

import { readEvents } from "../chat/stream.js";
import { request } from "./snippets.js";

/** What a stream has said so far. */
export class Heard {
  text = "";
  thoughts = "";
  usage = null;
  finish = null;
  error = null;
  done = false;

  /** Take an event's data: JSON, or `[DONE]`. What is no JSON is passed over. */
  take(data) {
    if (data === "[DONE]") {
      this.done = true;
      return;
    }
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    this.error = event.error ?? this.error;
    this.usage = event.usage ?? this.usage;
    for (const choice of event.choices ?? []) {
      this.text += choice.delta?.content ?? choice.text ?? "";
      this.thoughts += choice.delta?.reasoning_content ?? choice.delta?.reasoning ?? "";
      this.finish = choice.finish_reason || this.finish;
    }
  }
}

/** What the snippet `id` prints of the whole answer `body`: `{text, thoughts, usage}`. */
export function printed(id, body) {
  if (id === "models") {
    const text = (body.data ?? []).map((model) => [model.id, model.owned_by, model.status].join("  ")).join("\n");
    return { text, thoughts: "", usage: null };
  }
  if (id === "own") return { text: JSON.stringify(body.data ?? null, null, 2), thoughts: "", usage: null };
  const choice = body.choices?.[0] ?? {};
  return {
    text: choice.message?.content ?? choice.text ?? "",
    thoughts: choice.message?.reasoning_content ?? choice.message?.reasoning ?? "",
    usage: body.usage ?? null,
  };
}

/**
 * Make the request of the snippet `id`. `said(heard)` is told a stream's text as it comes, `head(status, id)` when the
 * answer begins. The key may be "": then none is sent. Resolves, always, to
 * `{ending, status, request, model, took, first, text, thoughts, usage, error, raw}`: `ending` is one of served, cut,
 * stopped, refused, unreachable; `took` and `first` are seconds; `error` is `{code, message, wait}`; `raw` is the JSON
 * of an answer that was whole.
 */
export async function perform(id, { base, key, model, words, signal, said = () => {}, head = () => {}, fetch = globalThis.fetch, now = seconds }) {
  const began = now();
  const result = { ending: "served", status: 0, request: null, model: null, took: 0, first: null, text: "", thoughts: "", usage: null, error: null, raw: null };
  try {
    const asked = request(id, model, words);
    if (asked.body?.stream) asked.body.stream_options = { include_usage: true }; // the box tells the tokens
    const answer = await fetch(`${base}${asked.path}`, sending(asked, key, signal));
    result.status = answer.status;
    result.request = answer.headers.get("x-request-id");
    result.model = answer.headers.get("x-targon-model");
    head(answer.status, result.request);
    if (!answer.ok) Object.assign(result, await refused(answer));
    else if (asked.body?.stream) await listen(answer, result, said, () => now() - began);
    else {
      result.raw = await answer.json();
      Object.assign(result, printed(id, result.raw));
    }
  } catch (failure) {
    if (signal?.aborted) result.ending = "stopped";
    else if (result.status === 0) {
      result.ending = "unreachable";
      result.error = { code: "network", message: String(failure.message ?? failure), wait: null };
    } else result.ending = "cut";
  }
  result.took = now() - began;
  return result;
}

const seconds = () => performance.now() / 1000;

function sending({ method, body }, key, signal) {
  const headers = { accept: body?.stream ? "text/event-stream" : "application/json" };
  if (key) headers.authorization = `Bearer ${key}`;
  if (body) headers["content-type"] = "application/json";
  return { method, headers, body: body ? JSON.stringify(body) : undefined, signal, credentials: "omit", cache: "no-store" };
}

async function refused(answer) {
  const wait = Number.parseInt(answer.headers.get("retry-after") ?? "", 10);
  let told = {};
  try {
    told = (await answer.json()).error ?? {};
  } catch {
    // somebody in between has answered, in words of its own: the status has to do
  }
  const { code = "unknown", message = "" } = told;
  return { ending: "refused", error: { code, message, wait: Number.isNaN(wait) ? null : wait } };
}

/** Hear a stream to its end; what was said before it broke stays said. */
async function listen(answer, result, said, elapsed) {
  const heard = new Heard();
  try {
    await readEvents(answer.body, ({ data }) => {
      heard.take(data);
      if (result.first === null && (heard.text || heard.thoughts)) result.first = elapsed();
      said(heard);
    });
  } finally {
    const { text, thoughts, usage, error } = heard;
    Object.assign(result, { text, thoughts, usage });
    if (error) result.error = { code: error.code ?? "unknown", message: error.message ?? "", wait: null };
  }
  if (!heard.done) result.ending = "cut";
}
