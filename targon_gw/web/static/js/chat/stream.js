/**
 * Server-sent events out of bytes, wherever those were split (WHATWG HTML, 9.2.6).
 *
 * It decides where an event ends and nothing else: what is said in one, answer.js knows. An event without its blank line
 * is not told: whoever was cut off in the middle of one has not said it.
 */

/** Characters of a line at most: far more than any event of ours, far less than would hurt. */
const LONGEST_LINE = 8 << 20;
const LINE_END = /\r\n?|\n/g;

/** Events out of text that comes in pieces. */
export class Events {
  #rest = [];
  #held = 0;
  #data = [];
  #name = "";
  #afterReturn = false;

  /**
   * The events that `text` completes: `[{name, data}]`, oldest first.
   * Throws RangeError where a line has no end.
   */
  feed(text) {
    const told = [];
    let from = 0;
    if (this.#afterReturn && text.length) {
      from = text[0] === "\n" ? 1 : 0;
      this.#afterReturn = false;
    }
    LINE_END.lastIndex = from;
    for (let end; (end = LINE_END.exec(text)); ) {
      this.#rest.push(text.slice(from, end.index));
      this.#line(this.#rest.length === 1 ? this.#rest[0] : this.#rest.join(""), told);
      this.#rest = [];
      this.#held = 0;
      from = LINE_END.lastIndex;
      // Whether a line feed belongs to this return, the next piece tells.
      this.#afterReturn = end[0] === "\r" && from === text.length;
    }
    this.#keep(text.slice(from));
    return told;
  }

  #keep(rest) {
    if (!rest) return;
    this.#rest.push(rest);
    this.#held += rest.length;
    if (this.#held > LONGEST_LINE) throw new RangeError("a line of the stream has no end");
  }

  #line(line, told) {
    if (line === "") {
      if (this.#data.length) told.push({ name: this.#name || "message", data: this.#data.join("\n") });
      this.#data = [];
      this.#name = "";
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#name = value;
  }
}

/** Milliseconds of events in one go; then the page is given time to draw. */
const AT_ONCE = 12;

/**
 * Let everything else that waits have its turn. A message and no timer: those of a tab that nobody looks at are held
 * back for up to a minute, and a reader that pauses so long is given up by the server.
 */
function rest() {
  return new Promise((rested) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      rested();
    };
    port2.postMessage(null);
  });
}

/** Read `body`, a ReadableStream of bytes, to its end, and hand each event to `take`; throws what the stream throws. */
export async function readEvents(body, take) {
  const events = new Events();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let began = performance.now();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of events.feed(decoder.decode(value, { stream: true }))) take(event);
      if (performance.now() - began > AT_ONCE) {
        // What has come already is read without a pause, however much it is.
        await rest();
        began = performance.now();
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // ended or aborted already: there is nobody left to tell
  }
}
