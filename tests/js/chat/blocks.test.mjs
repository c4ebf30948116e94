/** A growing text is told in the same blocks as a whole one, and at a cost that grows with its length. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Blocks } from "../../../targon_gw/web/static/js/chat/blocks.js";
import { BoundedLexer } from "../../../targon_gw/web/static/js/chat/lexer.js";
import { emphasis, mathematics } from "../../../targon_gw/web/static/js/chat/marks.js";
import { Marked, Parser } from "../../../targon_gw/web/static/vendor/marked/marked.esm.js";
import { forAll, oneOf, split } from "./loops.mjs";

const marked = new Marked({ gfm: true });
marked.use({ extensions: [emphasis, ...mathematics] });
const lex = (text) => new BoundedLexer(marked.defaults).lex(text);
const html = (text) => Parser.parse(lex(text), marked.defaults);
const plain = (tokens) => tokens.filter((token) => token.type !== "space").map((token) => [token.type, token.raw.trimEnd()]);

const PARTS = [
  ...["# Title\n", "Title\n===\n", "a paragraph\nof two lines\n", "- one\n- two\n", "  more of it\n", "1. first\n2. second\n"],
  ...["```python\nx = 1\n\n# y\n```\n", "```\nnever closed\n", "> quoted\nlazily\n", "| a | b |\n|---|---|\n| 1 | 2 |\n"],
  ...["---\n", "\n", "\n\n", "text **bold** `code`\n", "    indented\n", "- [ ] task\n", "* * *\n", "\n\\[ x^2 \\]\n\n", "+ plus\n"],
];

function grown(pieces) {
  const blocks = new Blocks(lex);
  const settled = [];
  let text = "";
  for (const piece of pieces) {
    text += piece;
    settled.push(...blocks.grow(text).settled);
  }
  settled.push(...blocks.grow(text, true).settled);
  return settled;
}

test("the blocks are those of the whole text, however it came", () => {
  forAll(1500, (draw) => {
    const text = Array.from({ length: 1 + Math.floor(draw() * 12) }, () => oneOf(draw, PARTS)).join("");
    assert.deepEqual(plain(grown(split(draw, text, 9))), plain(lex(text)), JSON.stringify(text));
  });
});

test("what is settled is the beginning of the text, to the letter", () => {
  forAll(200, (draw) => {
    const text = Array.from({ length: 8 }, () => oneOf(draw, PARTS)).join("");
    const blocks = new Blocks(lex);
    const raw = [];
    let sofar = "";
    for (const piece of split(draw, text, 9)) {
      sofar += piece;
      raw.push(...blocks.grow(sofar).settled.map((token) => token.raw));
      assert.ok(sofar.startsWith(raw.join("")));
    }
  });
});

test("a long answer is not lexed again and again", () => {
  let lexed = 0;
  const blocks = new Blocks((text) => {
    lexed += text.length;
    return lex(text);
  });
  const paragraph = "Some words of **weight** that make a paragraph, and no more than that.\n\n";
  const text = paragraph.repeat(600);
  for (let at = 0; at < text.length; at += 40) blocks.grow(text.slice(0, at));
  blocks.grow(text, true);
  assert.ok(lexed < text.length * 10, `${lexed} characters for ${text.length}`);
});

test("strong words next to Chinese are strong", () => {
  assert.equal(html("**重点：**内容"), "<p><strong>重点：</strong>内容</p>\n");
  assert.equal(html("这是**“引用”**的话"), "<p>这是<strong>“引用”</strong>的话</p>\n");
  assert.equal(html("a ** b ** c"), "<p>a ** b ** c</p>\n");
});

test("TeX keeps its backslashes", () => {
  assert.match(html("so \\(x_1^2\\) is"), /<code>x_1\^2<\/code>/);
  assert.match(html("\\[\n\\frac{a}{b}\n\\]\n"), /language-latex">\\frac\{a\}\{b\}/);
  assert.match(html("$$ \\sum_i $$\n"), /language-latex">\\sum_i/);
  assert.equal(html("it costs $$ and more"), "<p>it costs $$ and more</p>\n");
});

test("a hundred kilobytes of hostile marks are read in good time (faults catalogue, F-20)", () => {
  const began = performance.now();
  for (const mark of ["\\[", "$$", "\\(", "**", "`", "[", "<", "> ", "- ", "|", "~~", "![", "*a **b "]) {
    const blocks = new Blocks(lex);
    const text = `${mark.repeat(Math.floor(10_000 / mark.length))}\n`;
    blocks.grow(text);
    blocks.grow(text, true);
  }
  assert.ok(performance.now() - began < 5_000);
});
