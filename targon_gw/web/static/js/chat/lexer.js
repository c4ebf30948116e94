/**
 * Markdown's lexer, with an end to what a text may cost. Pure: tokens, no DOM.
 *
 * What a model writes is hostile (faults catalogue, F-05): a mark that is never closed is looked for to the end of its
 * paragraph, so that a hundred kilobytes of them would take seconds, and quotes within quotes recurse. Beyond the bounds
 * here, far from anything that is written to be read, text is shown as it came. No character may be lost by that.
 */

import { Lexer } from "../../vendor/marked/marked.esm.js";

/** Everything at which the lexer stops to look whether a mark begins. */
const MARKS = /[\\<![`*_~@]| {2}\n|:\/\/|www\./g;
/**
 * Marks times the characters that may be looked through for each, of one lexing: some 50 ms. A paragraph of ten
 * thousand characters may be half of marks.
 */
const MOST_LOOKS = 5e7;
/** Blocks within blocks: more than fit beside one another on a page. */
const DEEPEST = 40;

const plain = (text) => ({ type: "text", raw: text, text });

/** marked's lexer; `looks` is what the text has cost so far, in the measure of MOST_LOOKS. */
export class BoundedLexer extends Lexer {
  looks = 0;
  #depth = 0;

  /** The tokens of `text`. */
  lex(text) {
    try {
      return super.lex(text);
    } catch (error) {
      // Marks nested deeper than the stack is: the text as it is.
      if (!(error instanceof RangeError)) throw error;
      return [{ type: "paragraph", raw: text, text, tokens: [plain(text)] }];
    }
  }

  blockTokens(text, tokens = [], clipped = false) {
    if (this.#depth >= DEEPEST) {
      tokens.push({ type: "paragraph", raw: text, text, tokens: [plain(text)] });
      return tokens;
    }
    this.#depth += 1;
    try {
      return super.blockTokens(text, tokens, clipped);
    } finally {
      this.#depth -= 1;
    }
  }

  inlineTokens(text, tokens = []) {
    this.looks += (text.match(MARKS)?.length ?? 0) * text.length;
    if (this.looks <= MOST_LOOKS) return super.inlineTokens(text, tokens);
    tokens.push(plain(text));
    return tokens;
  }
}
