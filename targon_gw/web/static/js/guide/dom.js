/* Elements, made of text alone: what others wrote is never markup. */

const ICONS = new URL("../../img/icons.svg", import.meta.url).pathname;
const SVG = "http://www.w3.org/2000/svg";

/** `el("td.nums", {title: "…"}, "text", another)`; `null` among the children is passed over. */
export function el(what, attributes = {}, ...children) {
  const [name, ...classes] = what.split(".");
  const made = document.createElement(name);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** One of the shell's icons. */
export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${ICONS}#${name}`);
  svg.append(use);
  return svg;
}

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
