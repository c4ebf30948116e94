/** What a hostile text may cost, and that none of it is lost by that. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { BoundedLexer } from "../../../targon_gw/web/static/js/chat/lexer.js";
import { BRACKETS, DOLLARS, emphasis, formulaIn, mathematics } from "../../../targon_gw/web/static/js/chat/marks.js";
import { Marked } from "../../../targon_gw/web/static/vendor/marked/marked.esm.js";

const SIZE = 100_000;
const marked = new Marked({ gfm: true });
marked.use({ extensions: [emphasis, ...mathematics] });
const lexer = () => new BoundedLexer(marked.defaults);
const filled = (mark, end = "") => mark.repeat(SIZE / mark.length) + end;

test("where a paragraph is broken off there is a formula", () => {
  assert.equal(formulaIn("so\n\\[ x \\]\n", BRACKETS), 3);
  assert.equal(formulaIn("so\n\\[\nx\n\\]", BRACKETS), 3);
  assert.equal(formulaIn("so\n\\[ one\n\\[ two \\]\nend", BRACKETS), 3);
  assert.equal(formulaIn("so\n$$ x $$\n", DOLLARS), 3);
  assert.equal(formulaIn("so\n$$ x\n\ny $$\n", DOLLARS), 3);
});

test("where there is none it is not", () => {
  for (const text of ["so\n\\[ x\n", "so\n\\[ x\n\n\\]\n", "so\n\\[ x \\] and more\n", "so\n\n\\[ x \\]\n", "\\[ x \\]"]) {
    assert.equal(formulaIn(text, BRACKETS), undefined, text);
  }
  for (const text of ["so\n$$ x\n", "so\n$$$\n$$$\n", "so\n$$ x $$ y\n", `so\n$$ ${"x".repeat(5000)} $$\n`]) {
    assert.equal(formulaIn(text, DOLLARS), undefined, text.slice(0, 40));
  }
});

test("thousands of formulas that are never closed are one paragraph (faults catalogue, F-20)", () => {
  for (const line of ["\\[\n", "$$$\n", "\\[ a &= b\n", "$$ x\n"]) {
    const tokens = lexer().lex(filled(line));
    assert.deepEqual(tokens.map(({ type }) => type), ["paragraph"], line);
    assert.equal(tokens[0].raw, filled(line));
  }
});

test("thousands of marks that are never closed are looked for no more than so often (F-20)", () => {
  for (const mark of ["*a_ ", "[a](", "\\(a ", "!a", "**a ", "\\a", "<a "]) {
    const one = lexer();
    const text = `so ${filled(mark)}`;
    const [{ type, tokens }] = one.lex(text);
    assert.equal(type, "paragraph");
    assert.equal(tokens.map(({ raw }) => raw).join("").trimEnd(), text.trimEnd(), mark);
    assert.equal(tokens.length, 1, mark);
  }
});

test("what is costly in parts is bounded as a whole", () => {
  const row = `| **first** ${"*a_ ".repeat(600)} |\n`;
  const [{ rows }] = lexer().lex(`${row}|---|\n${row.repeat(60)}`);
  assert.equal(rows.at(0)[0].tokens[0].type, "strong");
  assert.deepEqual(rows.at(-1)[0].tokens.map(({ type }) => type), ["text"]);
});

test("a long paragraph that is meant to be read is read with all its marks", () => {
  const sentence = "Some **strong** words, `code` and a [link](https://example.org/) in *one* paragraph; ";
  const [{ tokens }] = lexer().lex(sentence.repeat(200));
  assert.equal(tokens.filter(({ type }) => type === "strong").length, 200);
  assert.equal(tokens.filter(({ type }) => type === "link").length, 200);
});

test("blocks within blocks have an end, and all the words", () => {
  for (const mark of ["> ", "- "]) {
    const found = JSON.stringify(lexer().lex(`${mark.repeat(20_000)}word`));
    assert.match(found, /word/);
    assert.ok(found.split('"type":"paragraph"').length <= 3);
  }
});
