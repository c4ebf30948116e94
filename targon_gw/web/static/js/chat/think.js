/**
 * What a model thinks, told from what it says, where it marks that with `<think>` and `</think>` in its words.
 *
 * It decides by the beginning alone: an answer that opens with `<think>` thinks until `</think>`, and never again, so
 * that words about the mark stay words. Some templates give the opening mark in the prompt, and the answer only closes
 * it: then a `</think>` alone on its line turns all before it into thought. It must never lose a character but those of
 * the marks, however the words were split.
 */

const OPEN = "<think>";
const CLOSE = "</think>";
/** Characters of a line that may still turn out to be the mark alone. */
const MARK_LINE = 32;

/** Thought and words out of words that come in pieces. */
export class Splitter {
  #state = "opening";
  #held = "";

  /** Whether the thinking mark is open. */
  get thinking() {
    return this.#state === "thinking";
  }

  /** `{thought, text}`: what `piece` adds to each. */
  feed(piece) {
    this.#held += piece;
    if (this.#state === "opening") return this.#open();
    if (this.#state === "thinking") return this.#think();
    return this.#speak();
  }

  /** What is still held back, at the end; in the same form. */
  end() {
    if (this.#state !== "thinking") return this.#speak();
    const thought = this.#held;
    this.#held = "";
    return { thought, text: "" };
  }

  #open() {
    const start = this.#held.trimStart();
    if (start.length < OPEN.length && OPEN.startsWith(start)) return { thought: "", text: "" };
    if (!start.startsWith(OPEN)) {
      this.#state = "speaking";
      return this.#speak();
    }
    this.#state = "thinking";
    this.#held = start.slice(OPEN.length);
    return this.#think();
  }

  #think() {
    const held = this.#held;
    const at = held.indexOf(CLOSE);
    if (at < 0) {
      const safe = held.length - overlap(held, CLOSE);
      this.#held = held.slice(safe);
      return { thought: held.slice(0, safe), text: "" };
    }
    this.#held = "";
    this.#state = "speaking";
    return { thought: held.slice(0, at), text: held.slice(at + CLOSE.length) };
  }

  #speak() {
    const text = this.#held;
    this.#held = "";
    this.#state = "speaking";
    return { thought: "", text };
  }
}

/** How many characters at the end of `text` may be the beginning of `mark`. */
function overlap(text, mark) {
  for (let size = Math.min(mark.length - 1, text.length); size > 0; size -= 1) {
    if (text.endsWith(mark.slice(0, size))) return size;
  }
  return 0;
}

/** Sees a closing mark that was never opened, in words that come in pieces. */
export class Orphans {
  #line = "";
  #opened = false;

  /** Whether `piece` completes a line that is the closing mark alone, where no opening mark came before. */
  feed(piece) {
    if (this.#opened) return false;
    const lines = (this.#line + piece).split("\n");
    const last = lines.pop();
    for (const line of lines) {
      if (line.includes(OPEN)) this.#opened = true;
      else if (line.trim() === CLOSE) return !this.#opened;
    }
    // A long line is not the mark alone; of it only what may be the beginning of an opening mark matters.
    this.#opened ||= last.includes(OPEN);
    this.#line = last.length > MARK_LINE ? "…" + last.slice(-MARK_LINE) : last;
    return false;
  }
}

/** `{thought, text}` of words in which `Orphans` saw its mark. */
export function partedAtOrphan(words) {
  const mark = /(^|\n)[^\S\n]*<\/think>[^\S\n]*\n/.exec(words);
  if (mark === null) return { thought: "", text: words };
  return { thought: words.slice(0, mark.index), text: words.slice(mark.index + mark[0].length) };
}
