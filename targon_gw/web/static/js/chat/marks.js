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

/** Characters of a formula at most: a mark that is never closed must not be looked for to the end. */
const LONGEST = 4000;
const BLANK_LINE = /\n[ \t]*\n/;

/**
 * Where in the first paragraph of `text` a line begins with a formula; undefined where none does. Paragraphs are broken
 * off at what is told here: were it told of marks that nothing closes, a paragraph would be put together anew at each.
 */
export function formulaIn(text, { opening, closing, rule }) {
  const blank = text.search(BLANK_LINE);
  const end = blank < 0 ? text.length : blank;
  const mark = `\n${opening}`;
  let close = -1;
  for (let at = text.indexOf(mark); at >= 0 && at < end; at = text.indexOf(mark, at + 1)) {
    const from = at + mark.length;
    if (close < from) {
      closing.lastIndex = from;
      close = closing.exec(text)?.index ?? -1;
    }
    if (close < 0) return undefined;
    if (close - from <= LONGEST && rule.test(text.slice(at + 1))) return at + 1;
  }
  return undefined;
}

function blockMath(name, formula) {
  return {
    name,
    level: "block",
    start: (src) => formulaIn(src, formula),
    tokenizer(src) {
      const found = formula.rule.exec(src);
      return found === null ? undefined : { type: "code", raw: found[0], lang: "latex", text: found[1].trim() };
    },
  };
}

export const BRACKETS = {
  opening: "\\[",
  closing: /\\\][ \t]*(?:\n|$)/g,
  rule: /^\\\[((?:(?!\n[ \t]*\n)[^]){0,4000}?)\\\][ \t]*(?:\n|$)/,
};
export const DOLLARS = {
  opening: "$$",
  closing: /\$\$[ \t]*(?:\n|$)/g,
  rule: /^\$\$([^$]{1,4000})\$\$[ \t]*(?:\n|$)/,
};
export const mathematics = [blockMath("bracketMath", BRACKETS), blockMath("dollarMath", DOLLARS), inlineMath];
