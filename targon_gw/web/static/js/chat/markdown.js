/**
 * Markdown of a model, as nodes that can do no harm.
 *
 * What a model writes is hostile (faults catalogue, F-05). HTML in it is shown as the text that it is; pictures become
 * links; then DOMPurify lets pass a list of tags and attributes and nothing else; addresses are http, https or mailto.
 * The page's CSP is the wall behind that. Nothing here is ever put into a page by `innerHTML`.
 */

import { Marked, Parser } from "../../vendor/marked/marked.esm.js";
import DOMPurify from "../../vendor/dompurify/purify.es.mjs";
import { BoundedLexer } from "./lexer.js";
import { emphasis, mathematics } from "./marks.js";

export const ADDRESS = /^(?:https?:\/\/|mailto:)/i;
const TAGS = [
  ..."p br hr h3 h4 h5 h6 strong em del code pre blockquote ul ol li a".split(" "),
  ..."table thead tbody tr th td span #text".split(" "),
];
const SANITISED = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ["href", "title", "class", "align", "start"],
  ALLOWED_URI_REGEXP: ADDRESS,
  ADD_URI_SAFE_ATTR: ["align", "start"],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const escaped = (text) =>
  text.replace(/[&<>"']/g, (mark) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[mark]);

/** Make words of the pictures in a link: they would become links themselves, and none stands in another. */
function worded(tokens) {
  for (const token of tokens) {
    if (token.type === "image") Object.assign(token, { type: "text", text: token.text || token.href, tokens: undefined });
    else if (token.tokens) worded(token.tokens);
  }
}

const renderer = {
  html: ({ text, block }) => (block ? `<p>${escaped(text.trimEnd()).replace(/\n/g, "<br>")}</p>` : escaped(text)),
  image: ({ href, text }) =>
    ADDRESS.test(href) ? `<a href="${escaped(href)}">${escaped(text || href)}</a>` : escaped(text || href),
  link({ tokens }) {
    worded(tokens);
    return false; // and as marked does it
  },
  // An answer stands below a heading of its own, of the second rank.
  heading({ tokens, depth }) {
    const rank = Math.min(6, depth + 2);
    return `<h${rank}>${this.parser.parseInline(tokens)}</h${rank}>`;
  },
  checkbox: ({ checked }) => `<span class="task">${checked ? "☑" : "☐"}</span> `,
};

const marked = new Marked({ gfm: true, async: false, renderer });
marked.use({ extensions: [emphasis, ...mathematics] });
const options = marked.defaults;

/** The blocks of `text`, in which `links`, an object shared by all parts of one text, are the references known. */
export function lexed(text, links) {
  const lexer = new BoundedLexer(options);
  lexer.tokens.links = links;
  return lexer.lex(text);
}

/** `tokens` as a DocumentFragment that is safe to put into a page. */
export function nodesOf(tokens) {
  const fragment = purified(Parser.parse(tokens, options));
  for (const link of fragment.querySelectorAll("a")) harmless(link);
  for (const table of fragment.querySelectorAll("table")) boxed(table);
  for (const block of fragment.children) block.dir = "auto"; // written from the right, where its words are
  return fragment;
}

/** `html` as a DocumentFragment that is safe to put into a page. */
export function purified(html) {
  return DOMPurify.sanitize(html, SANITISED);
}

/** A link leads out of here, in a window of its own that knows nothing of this one; without an address it is none. */
function harmless(link) {
  const address = link.getAttribute("href");
  if (address === null) {
    link.replaceWith(...link.childNodes);
    return;
  }
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  // Where it leads can be seen before it is followed, whatever it is called.
  link.title = address;
}

function boxed(table) {
  const box = document.createElement("div");
  box.className = "wide";
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  table.replaceWith(box);
  box.append(table);
}
