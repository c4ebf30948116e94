/* Words between backticks, as code. */

import { el } from "../dom.js";

/** Show what stands between backticks, anywhere below `root`, as code. */
export function quote(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    if (walker.currentNode.data.includes("`") && !walker.currentNode.parentElement.closest("pre, code")) found.push(walker.currentNode);
  }
  for (const node of found) node.replaceWith(...quoted(node.data));
}

/** `text` in parts: every second one, which stood between backticks, as code. */
export function quoted(text) {
  return text.split("`").map((part, n) => (n % 2 ? el("code", {}, part) : part));
}
