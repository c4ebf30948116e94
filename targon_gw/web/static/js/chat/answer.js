/**
 * One answer as it comes in: what was thought, what was said, and how it truly ended.
 *
 * It is given the events of a stream and the time in milliseconds; it never fetches and never shows. An answer is served
 * only where the model said that it had finished (`finish_reason`) or the stream did (`[DONE]`): an end without either is
 * a cut, whatever closed the connection.
 *
 * An end is `{kind, code?, message?, status?, wait?, param?}`, `kind` one of
 *   served | limit (out of tokens) | filtered | stopped (by the reader) | cut (begun, not finished) |
 *   refused (answered with an error before it began) | unreachable (no answer at all).
 */

import { Orphans, Splitter, partedAtOrphan } from "./think.js";

const ENDS = { length: "limit", content_filter: "filtered" };

/** An answer under way. */
export class Answer {
  thought = "";
  text = "";
  finish = null;
  done = false;
  error = null;
  usage = null;
  /** The model that the chunks name. */
  model = null;
  asked;
  first = null;
  last = null;
  /** When it began and ceased to think; null where it has not. */
  thinkingFrom = null;
  thinkingTo = null;
  #splitter = new Splitter();
  #orphans = new Orphans();
  #byField = false;

  constructor(now) {
    this.asked = now;
  }

  /** Whether it thinks at this moment. */
  get thinking() {
    return this.thinkingFrom !== null && this.thinkingTo === null;
  }

  /** Milliseconds that it thought, up to `now`; null where it did not. */
  thoughtFor(now) {
    return this.thinkingFrom === null ? null : (this.thinkingTo ?? now) - this.thinkingFrom;
  }

  /** Take in one event's data, come at `now`. What is no JSON object is passed over: the end tells. */
  take(data, now) {
    if (data === "[DONE]") {
      this.done = true;
      return;
    }
    const chunk = parsed(data);
    if (chunk === null || this.done) return;
    if (chunk.error) this.error = fault(chunk.error);
    if (typeof chunk.model === "string") this.model = chunk.model;
    if (chunk.usage && typeof chunk.usage === "object") this.usage = counted(chunk.usage);
    const choice = Array.isArray(chunk.choices) ? chunk.choices.find((each) => (each?.index ?? 0) === 0) : null;
    if (!choice) return;
    this.#delta(choice.delta ?? {}, now);
    if (typeof choice.finish_reason === "string" && choice.finish_reason) this.finish = choice.finish_reason;
  }

  /** No more will come: give out what was held back, and stop the clock of the thought. */
  close(now) {
    this.#add(this.#splitter.end(), now);
    if (this.thinking) this.thinkingTo = this.last ?? now;
  }

  #delta(delta, now) {
    const reasoning = textOf(delta.reasoning_content) || textOf(delta.reasoning);
    if (reasoning) {
      this.#byField = true;
      this.#add({ thought: reasoning, text: "" }, now);
    }
    const words = textOf(delta.content) || textOf(delta.refusal);
    if (!words) return;
    // Reasoning with a field of its own: marks in the words are words.
    this.#add(this.#byField ? { thought: "", text: words } : this.#splitter.feed(words), now);
    if (this.#splitter.thinking) this.#thinks(now);
  }

  #add({ thought, text }, now) {
    if (thought) {
      this.thought += thought;
      this.#thinks(now);
    }
    if (text) {
      this.text += text;
      if (this.thinkingFrom === null && this.#orphans.feed(text)) this.#recast(now);
      else if (this.thinking && this.text.trim()) this.thinkingTo = now;
    }
    if (thought || text) {
      this.first ??= now;
      this.last = now;
    }
  }

  #thinks(now) {
    this.thinkingFrom ??= now;
  }

  #recast(now) {
    Object.assign(this, partedAtOrphan(this.text));
    this.thinkingFrom = this.first ?? now;
    this.thinkingTo = now;
  }
}

/**
 * How an answer ended. `closing`: `closed` (the body ended by its framing), `broken` (the connection did), `stopped`
 * (the reader stopped it).
 */
export function endOf(answer, closing) {
  const { finish, error } = answer;
  if (error) return { kind: "cut", ...error };
  if (finish === "error") return { kind: "cut", code: "upstream_truncated" };
  if (finish) return { kind: ENDS[finish] ?? "served" };
  if (answer.done) return { kind: "served" };
  if (closing === "stopped") return { kind: "stopped" };
  return { kind: "cut", code: closing === "broken" ? "connection_broken" : "connection_closed" };
}

/**
 * The figures of a finished answer: `{seconds, first, tokens, rate}`; seconds in all and to the first word, tokens of the
 * answer as the vendor counted them, and how many a second once it spoke. Null for what is not known.
 */
export function figures(answer) {
  const last = answer.last ?? null;
  if (last === null) return { seconds: null, first: null, tokens: null, rate: null };
  const seconds = (last - answer.asked) / 1000;
  const speaking = (last - answer.first) / 1000;
  const tokens = answer.usage?.completion ?? null;
  // An answer that came at once, in one piece, tells nothing of the pace.
  const rate = tokens !== null && tokens > 1 && speaking >= 0.05 ? tokens / speaking : null;
  return { seconds, first: (answer.first - answer.asked) / 1000, tokens, rate };
}

function parsed(data) {
  try {
    const value = JSON.parse(data);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function fault(error) {
  if (typeof error !== "object") return { code: "upstream_failed", message: String(error) };
  const code = typeof error.code === "string" && error.code ? error.code : "upstream_failed";
  return { code, message: typeof error.message === "string" ? error.message : "" };
}

function counted(usage) {
  const whole = (value) => (Number.isFinite(value) ? value : null);
  return {
    prompt: whole(usage.prompt_tokens),
    completion: whole(usage.completion_tokens),
    reasoning: whole(usage.completion_tokens_details?.reasoning_tokens),
  };
}

function textOf(value) {
  return typeof value === "string" ? value : "";
}
