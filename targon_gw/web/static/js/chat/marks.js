/** What models write that CommonMark has no rule for, as extensions of marked. Plain objects, no DOM. */

const CJK = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}";
const STRONG = new RegExp(`^\\*\\*(?![\\s*])((?:[^*\\n\`]|\`[^\`\\n]*\`)*?[^\\s*])\\*\\*(?=[${CJK}])`, "u");

/**
 * `**重点：**内容` is meant to be strong, but by CommonMark's rule a mark between punctuation and a letter does not close.
 * Between scripts that put no spaces between words it does.
 */
export const emphasis = {
  name: "cjkStrong",
  level: "inline",
  start: (src) => (src.indexOf("**") < 0 ? undefined : src.indexOf("**")),
  tokenizer(src) {
    const found = STRONG.exec(src);
    if (found === null) return undefined;
    return { type: "strong", raw: found[0], text: found[1], tokens: this.lexer.inlineTokens(found[1]) };
  },
};

/** TeX is shown as it was written: without a rule, Markdown would eat its backslashes. */
const inlineMath = {
  name: "parenMath",
  level: "inline",
  start: (src) => {
    const at = src.indexOf("\\(");
    return at < 0 ? undefined : at;
  },
  tokenizer(src) {
    const found = /^\\\(([^\n]*?)\\\)/.exec(src);
    return found === null ? undefined : { type: "codespan", raw: found[0], text: found[1].trim() };
  },
};

/** A formula is at most 4,000 characters long: a mark that is never closed must not be looked for to the end. */
function blockMath(name, rule, opening) {
  return {
    name,
    level: "block",
    start: (src) => {
      const at = src.indexOf(`\n${opening}`);
      return at < 0 ? undefined : at + 1;
    },
    tokenizer(src) {
      const found = rule.exec(src);
      return found === null ? undefined : { type: "code", raw: found[0], lang: "latex", text: found[1].trim() };
    },
  };
}

export const mathematics = [
  blockMath("bracketMath", /^\\\[((?:(?!\n[ \t]*\n)[^]){0,4000}?)\\\][ \t]*(?:\n|$)/, "\\["),
  blockMath("dollarMath", /^\$\$([^$]{1,4000})\$\$[ \t]*(?:\n|$)/, "$$"),
  inlineMath,
];

/** What `lexer` makes of `text`; plain text where marks are nested deeper than it can follow. */
export function leniently(lexer, text) {
  try {
    return lexer.lex(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [{ type: "paragraph", raw: text, text, tokens: [{ type: "text", raw: text, text }] }];
  }
}
