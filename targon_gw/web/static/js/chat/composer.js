/** Where the reader writes: Enter sends, unless an input method composes; the box grows with its text; drafts are kept. */

import { sends } from "./ime.js";
import { recall, remember } from "./kept.js";

/** Milliseconds after the last key until a draft is kept. */
const KEPT_AFTER = 400;

export class Composer {
  #area;
  #form;
  #send;
  #stop;
  #composed = -Infinity;
  #draft = null;
  #timer = 0;
  #busy = false;

  /** `parts`: `{form, area, send, stop}`; `does`: `{send(text) → whether it was taken, stop()}`. */
  constructor({ form, area, send, stop }, does) {
    Object.assign(this, { does });
    [this.#form, this.#area, this.#send, this.#stop] = [form, area, send, stop];
    area.addEventListener("compositionend", (event) => (this.#composed = event.timeStamp));
    area.addEventListener("keydown", (event) => {
      if (!sends(event, this.#composed)) return;
      event.preventDefault();
      this.#go();
    });
    area.addEventListener("input", () => this.#changed());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#go();
    });
    stop.addEventListener("click", () => does.stop());
    addEventListener("pagehide", () => this.#keep());
  }

  /** Begin or go on with the draft called `name`. */
  open(name) {
    this.#keep();
    this.#draft = name;
    this.#area.value = recall(`draft:${name}`) ?? "";
    this.#fit();
  }

  /** Whether an answer is coming in. */
  set busy(busy) {
    const had = document.activeElement;
    this.#busy = busy;
    this.#send.hidden = busy;
    this.#stop.hidden = !busy;
    // The button that had the focus is gone: the box takes it, and a stray key does nothing.
    if (had === this.#send || had === this.#stop) this.focus();
    this.#fit();
  }

  get text() {
    return this.#area.value;
  }

  /** Write `text` into the box. */
  fill(text) {
    this.#area.value = text;
    this.#changed();
    this.focus();
  }

  focus() {
    this.#area.focus({ preventScroll: true });
  }

  #go() {
    const text = this.#area.value.trim();
    if (!text || this.#busy) return;
    if (!this.does.send(text)) return;
    this.#area.value = "";
    this.#keep();
    this.#fit();
  }

  #changed() {
    this.#fit();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#keep(), KEPT_AFTER);
  }

  #keep() {
    clearTimeout(this.#timer);
    if (this.#draft !== null) remember(`draft:${this.#draft}`, this.#area.value);
  }

  #fit() {
    const { style } = this.#area;
    this.#send.disabled = !this.#area.value.trim();
    style.height = "auto";
    style.height = `${this.#area.scrollHeight}px`;
  }
}
