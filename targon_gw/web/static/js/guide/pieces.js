/* The snippets on the page: written for what is chosen, copied whole, run in place. */

import { copyButton } from "../copy.js";
import { t } from "../words.js";
import { Box } from "./box.js";
import { colour } from "./colours.js";
import { el, icon } from "../dom.js";
import { masked } from "./keys.js";
import { perform } from "./run.js";
import { GRAMMARS, NO_KEY, NO_MODEL, SNIPPETS } from "./snippets.js";

const NAMES = { httpx: "Python httpx", openai: "openai-python", node: "openai-node", curl: "cURL" };
const SPOKEN = ["system", "hello", "long", "begun", "lines", "cut", "times", "waits"];

/** What is said to the model, and in the code's comments, in the reader's language. */
export const spoken = Object.fromEntries(SPOKEN.map((name) => [name, t(`said.${name}`)]));

/**
 * One snippet, a `<figure data-snippet>`. `chosen()` tells `{base, key, model, language, shown}`; `help(result, figure)`
 * returns elements for who was refused, `before(id)` those for who can't even ask, or null.
 */
export class Piece {
  #running = null;
  #box;

  constructor(figure, { chosen, help, before }) {
    this.figure = figure;
    this.id = figure.dataset.snippet;
    this.code = figure.querySelector("code");
    this.chosen = chosen;
    this.help = help;
    this.before = before;
    this.#box = new Box(() => this.#stop(), () => this.#fold(), ["models", "own"].includes(this.id));
    this.#tools();
  }

  /** The code for what is chosen now; with the key, or as it may be seen. */
  text({ whole }) {
    const { base, key, model, language, shown } = this.chosen();
    const known = key || NO_KEY;
    return SNIPPETS[language][this.id](base, whole || shown ? known : masked(known), model || NO_MODEL, spoken);
  }

  /** Write it anew. */
  write() {
    const { language } = this.chosen();
    this.figure.querySelector(".snippet-language").textContent = NAMES[language];
    this.code.textContent = this.text({ whole: false });
    this.code.dataset.grammar = GRAMMARS[language];
    colour(this.code, GRAMMARS[language]);
  }

  #tools() {
    const copy = el("button.button.plain.small", { type: "button" }, icon("copy", "before"), icon("check", "after"), t("copy"));
    copyButton(copy, () => this.text({ whole: true }));
    this.button = el("button.button.small", { type: "button" });
    this.button.addEventListener("click", () => (this.#running ? this.#stop() : this.run()));
    this.#offer("play", t("run"));
    this.figure.querySelector("figcaption").append(el("span.snippet-tools", {}, copy, this.button));
  }

  #offer(sign, word) {
    this.button.replaceChildren(icon(sign), word);
  }

  /** Ask for real. */
  async run() {
    this.figure.append(this.#box.element);
    const missing = this.before(this.id);
    if (missing) {
      this.#box.refuse(...missing);
      return;
    }
    const { base, key, model } = this.chosen();
    const running = new AbortController();
    this.#running = running;
    this.#offer("stop", t("run.stop"));
    this.#box.begin();
    const result = await perform(this.id, { base, key, model, words: spoken, signal: running.signal, said: (heard) => this.#box.hear(heard) });
    if (this.#running !== running) return; // folded away meanwhile
    this.#running = null;
    this.#offer("play", t("run.again"));
    this.#box.end(result, result.error ? this.help(result, this.figure) : []);
  }

  #stop() {
    this.#running?.abort();
    this.button.focus({ preventScroll: true });
  }

  #fold() {
    this.#running?.abort();
    this.#running = null;
    this.#offer("play", t("run"));
    this.#box.element.remove();
    this.button.focus();
  }
}
