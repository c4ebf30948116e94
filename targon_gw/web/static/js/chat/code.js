/**
 * Blocks of code: framed, copied, and coloured once they are complete. Colours come late and one block at a time, so
 * that no frame waits for them; the library comes only when there is a block to colour.
 */

import { copyButton } from "../copy.js";
import { t } from "../words.js";
import { el } from "../dom.js";
import { copyIcons } from "./parts.js";
import { purified } from "./markdown.js";

const VENDOR = "../../vendor/highlight";
/** Characters: colouring more would take longer than a frame. */
const MOST = 40_000;
const OWN = "bash c cpp css diff go java javascript json python rust shell sql typescript xml yaml".split(" ");
const OTHERS = {
  bash: "sh zsh",
  c: "h",
  cpp: "c++ cc cxx hpp",
  css: "scss less",
  diff: "patch",
  go: "golang",
  javascript: "js jsx mjs cjs node",
  json: "json5 jsonc",
  python: "py python3 py3",
  rust: "rs",
  shell: "console shellsession",
  sql: "mysql postgresql postgres sqlite",
  typescript: "ts tsx",
  xml: "html svg xhtml vue plist",
  yaml: "yml",
};
const NAMES = new Map(OWN.map((name) => [name, name]));
for (const [name, others] of Object.entries(OTHERS)) for (const other of others.split(" ")) NAMES.set(other, name);

/** A framed block; `pre > code` within holds `code`, a `<code>` element. */
export function framed(code) {
  const language = /\blanguage-(\S+)/.exec(code.className)?.[1] ?? "";
  const button = el("button.button.plain.small", { type: "button" }, ...copyIcons(), t("copy"));
  copyButton(button, () => code.textContent.replace(/\n$/, ""));
  const box = el("pre", { tabindex: "0", "aria-label": t("code.label", { language }) }, code);
  return el("div.code-box", { dataset: { language } }, el("div.code-bar", {}, el("span", {}, language), button), box);
}

/** Frame every block of code in `fragment`; returns the frames. */
export function frameAll(fragment) {
  return [...fragment.querySelectorAll("pre")].map((pre) => {
    const code = pre.querySelector("code") ?? el("code");
    const place = document.createComment("");
    pre.replaceWith(place);
    const frame = framed(code);
    place.replaceWith(frame);
    return frame;
  });
}

const waiting = [];
let busy = false;

/** Colour `frame` when there is time; it must be complete. */
export function colour(frame) {
  const name = NAMES.get(frame.dataset.language.toLowerCase());
  const code = frame.querySelector("code");
  if (!name || code.textContent.length > MOST) return;
  waiting.push({ name, code });
  if (!busy) work();
}

async function work() {
  busy = true;
  try {
    for (let next; (next = waiting.shift()); ) {
      const highlighter = await speaking(next.name);
      await idle();
      const { value } = highlighter.highlight(next.code.textContent, { language: next.name, ignoreIllegals: true });
      next.code.replaceChildren(purified(value));
    }
  } catch {
    // Code without colours is still code: the library could not be fetched.
  } finally {
    busy = false;
  }
}

async function speaking(name) {
  const { default: highlighter } = await import(`${VENDOR}/core.min.js`);
  if (!highlighter.getLanguage(name)) {
    highlighter.registerLanguage(name, (await import(`${VENDOR}/languages/${name}.min.js`)).default);
  }
  return highlighter;
}

function idle() {
  return new Promise((done) => (window.requestIdleCallback ? requestIdleCallback(done, { timeout: 400 }) : setTimeout(done, 30)));
}
