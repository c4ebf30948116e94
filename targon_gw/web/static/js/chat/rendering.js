/**
 * One answer's Markdown on the page, while it grows and after.
 *
 * It works at most once a frame and then for a few milliseconds: settled blocks are put in once and never touched again,
 * the open one anew, the less often the more that costs. A long text that is there already comes in slices.
 */

import { Blocks } from "./blocks.js";
import { colour, frameAll, framed } from "./code.js";
import { el } from "../dom.js";
import { lexed, nodesOf } from "./markdown.js";

/** Milliseconds of a frame that may be used. */
const BUDGET = 8;
/** Characters that are taken in at once. */
const SLICE = 6_000;
/** The open block is made anew only after so many times what that took. */
const REST = 5;

/** The text of one answer within `root`. */
export class Rendering {
  #open = el("div.open");
  #blocks;
  #text = "";
  #whole = false;
  #taken = 0;
  #queue = [];
  #tokens = [];
  #frame = 0;
  #cost = 0;
  #painted = -Infinity;
  #code = null;

  constructor(root) {
    this.root = root;
    this.#begin();
  }

  #begin() {
    const links = Object.create(null); // references are called as their writer likes, also "constructor"
    this.#blocks = new Blocks((text) => lexed(text, links));
    [this.#text, this.#taken, this.#queue, this.#tokens, this.#code] = ["", 0, [], [], null];
    this.#open.replaceChildren();
    this.root.replaceChildren(this.#open);
  }

  /**
   * Show `text`; `whole`: there will be no more. It goes on from what was shown so far, or replaces that: words may turn
   * out to have been thoughts.
   */
  show(text, whole = false) {
    const next = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
    if (!next.startsWith(this.#text)) this.#begin();
    this.#text = next;
    this.#whole = whole;
    this.#ask();
  }

  /** Show what there is of `text` at once, as far as a slice goes: a short answer must not flicker in. */
  showNow(text) {
    this.show(text, true);
    cancelAnimationFrame(this.#frame);
    this.#work();
  }

  /** Do nothing any more. */
  drop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = -1;
  }

  #ask() {
    if (this.#frame === 0) {
      this.#frame = requestAnimationFrame(() => this.#work());
    }
  }

  #work() {
    this.#frame = 0;
    const began = performance.now();
    const behind = () => this.#taken < this.#text.length || (this.#whole && this.#tokens.length > 0);
    const resting = began - this.#painted < this.#cost * REST && !this.#whole;
    let grew = false;
    if (!resting) {
      while ((this.#queue.length || behind()) && performance.now() - began < BUDGET) {
        if (this.#queue.length) this.#settle(this.#queue.shift());
        else this.#take();
        grew = true;
      }
      if (!this.#queue.length && grew) this.#paint();
    }
    if (this.#queue.length || behind()) this.#ask();
  }

  #take() {
    let end = Math.min(this.#text.length, this.#taken + SLICE);
    if (end < this.#text.length) end = this.#text.lastIndexOf("\n", end) + 1 || end;
    if (end <= this.#taken) end = Math.min(this.#text.length, this.#taken + SLICE);
    const began = performance.now();
    const { settled, open } = this.#blocks.grow(this.#text.slice(0, end), this.#whole && end === this.#text.length);
    this.#cost = performance.now() - began;
    this.#taken = end;
    this.#queue.push(...settled);
    this.#tokens = open;
  }

  #settle(token) {
    if (token.type === "space") return;
    if (this.#code && token.type === "code") {
      // It was open and is on the page already.
      this.#write(this.#code, token);
      this.#open.before(this.#code.frame);
      colour(this.#code.frame);
    } else {
      const nodes = nodesOf([token]);
      for (const frame of frameAll(nodes)) colour(frame);
      this.#open.before(nodes);
    }
    this.#code = null;
  }

  #paint() {
    const began = performance.now();
    const tokens = this.#tokens.filter((token) => token.type !== "space");
    if (tokens.length === 1 && tokens[0].type === "code") {
      this.#paintCode(tokens[0]);
    } else {
      this.#code = null;
      const nodes = nodesOf(tokens);
      frameAll(nodes);
      this.#open.replaceChildren(nodes);
    }
    this.#painted = performance.now();
    this.#cost += this.#painted - began;
  }

  #paintCode(token) {
    // A fence that is still being written names more of its language by and by.
    if (this.#code?.language !== token.lang) this.#code = null;
    if (this.#code === null) {
      const code = el("code", { class: `language-${(token.lang ?? "").split(/\s/)[0]}` });
      this.#code = { frame: framed(code), text: code.appendChild(document.createTextNode("")), language: token.lang };
      this.#open.replaceChildren(this.#code.frame);
    }
    this.#write(this.#code, token);
  }

  #write(code, token) {
    const { text } = code;
    if (token.text.startsWith(text.data)) text.appendData(token.text.slice(text.data.length));
    else text.data = token.text;
  }
}
