/**
 * Which blocks of a growing Markdown text can change no more.
 *
 * A block is settled once whole lines of another one follow it; only what is open after that is looked at again, so that
 * an answer costs its length and not its square. Nothing here makes HTML: blocks are the lexer's tokens. It must never
 * tell another sequence of blocks than the lexer would for the whole text at once.
 */

/** A text that only grows, as blocks. */
export class Blocks {
  #lex;
  #from = 0;
  #lines = 0;

  /** `lex`: text → tokens, each with its `raw`. */
  constructor(lex) {
    this.#lex = lex;
  }

  /**
   * `{settled, open}` of `text`, which begins with all that was given before: the tokens that were settled by what is
   * new, and those that may still change. `whole`: no more will come, and all is settled.
   */
  grow(text, whole = false) {
    if (whole) {
      const settled = this.#lex(text.slice(this.#from));
      this.#from = text.length;
      return { settled, open: [] };
    }
    const settled = this.#settle(text);
    return { settled, open: this.#lex(text.slice(this.#from)) };
  }

  #settle(text) {
    // A line that is not there to its end may still turn into anything: only whole ones decide.
    const lines = text.lastIndexOf("\n") + 1;
    if (lines <= this.#lines) return [];
    this.#lines = lines;
    const tail = text.slice(this.#from, lines);
    const tokens = this.#lex(tail);
    const last = tokens.findLastIndex((token) => token.type !== "space");
    if (last <= 0) return [];
    const settled = tokens.slice(0, last);
    const length = settled.reduce((sum, token) => sum + token.raw.length, 0);
    // Where the lexer's account of what it took is not the text, where the next block begins is unknown.
    if (tail.slice(0, length) !== settled.map((token) => token.raw).join("")) return [];
    this.#from += length;
    return settled;
  }
}
