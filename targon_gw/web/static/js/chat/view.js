/**
 * The conversation on the page: turns in order, the end followed while the reader is there, each answer told to screen
 * readers once, when it is over.
 */

import { t } from "../words.js";
import { below, follows, NEAR } from "./follow.js";
import { AnswerTurn, QuestionTurn } from "./turns.js";

/** Characters of an answer that are read out; more would keep the reader from their own pace. */
const READ_OUT = 1_500;

export class ThreadView {
  #parts;
  #does;
  #guest;
  #talk = null;
  #unlisten = () => {};
  #turns = new Map();
  #following = true;
  #seen = { top: 0, height: 0, view: 0 };
  #tick = 0;
  #frame = 0;

  /** `parts`: elements `{scroller, list, empty, down, announce}`; `does` as of the turns; `guest()`: nobody signed in? */
  constructor(parts, does, guest) {
    this.#parts = parts;
    this.#does = does;
    this.#guest = guest;
    const { scroller, list, down } = parts;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // Told after the layout of a frame and before it is drawn: to ask for sizes then costs nothing.
    const sizes = new ResizeObserver(() => this.#keepEnd());
    sizes.observe(list);
    sizes.observe(scroller);
    down.addEventListener("click", () => {
      this.toEnd();
      scroller.focus({ preventScroll: true });
    });
  }

  /** Show `talk`, from its end. */
  show(talk) {
    this.#unlisten();
    for (const turn of this.#turns.values()) turn.drop();
    this.#turns.clear();
    this.#parts.list.replaceChildren();
    this.#talk = talk;
    this.#unlisten = talk.listen((event) => this.#heard(event));
    this.#lay();
    this.#beat();
    this.toEnd();
  }

  /** Follow the end from now on. */
  toEnd() {
    this.#following = true;
    this.#keepEnd();
  }

  #heard({ what, message }) {
    if (what === "path") {
      this.#lay();
      if (message) this.toEnd();
    } else if (what === "growing") {
      // Many come in a frame, and none of them is seen before it is drawn.
      this.#frame ||= requestAnimationFrame(() => this.#grow());
      return;
    } else if (what === "ended") {
      const turn = this.#turns.get(message.id);
      turn?.settle(Date.now(), this.#guest());
      this.#lay();
      this.#tell(message);
    }
    this.#beat();
  }

  #lay() {
    const { list, empty } = this.#parts;
    const path = this.#talk.conversation.path();
    const running = this.#talk.running;
    const kept = new Set(path.map((message) => message.id));
    for (const [id, turn] of this.#turns) {
      const message = this.#talk.conversation.messages.get(id);
      if (kept.has(id) && message === turn.message) continue;
      turn.drop();
      turn.element.remove();
      this.#turns.delete(id);
    }
    let before = null;
    for (const message of path) {
      const turn = this.#turns.get(message.id) ?? this.#made(message);
      const place = before === null ? list.firstChild : before.nextSibling;
      if (place !== turn.element) list.insertBefore(turn.element, place);
      before = turn.element;
      if (running?.message === message) turn.under.replaceChildren();
      else turn.tools(this.#talk.conversation.versions(message.id), running !== null);
    }
    empty.hidden = path.length > 0;
  }

  #made(message) {
    const running = this.#talk.running;
    const turn =
      message.role === "user"
        ? new QuestionTurn(message, this.#does)
        : new AnswerTurn(message, this.#does);
    this.#turns.set(message.id, turn);
    if (running?.message === message) turn.grow(running.answer, Date.now());
    else if (message.role !== "user") turn.settle(Date.now(), this.#guest());
    return turn;
  }

  #grow() {
    this.#frame = 0;
    const running = this.#talk.running;
    if (running) this.#turns.get(running.message.id)?.grow(running.answer, Date.now());
  }

  /** Seconds that are shown go on also while nothing comes. */
  #beat() {
    clearInterval(this.#tick);
    if (this.#talk.running) this.#tick = setInterval(() => this.#grow(), 1000);
  }

  #tell(message) {
    const text = message.text.trim();
    const short = text.length > READ_OUT ? `${text.slice(0, READ_OUT)}… ${t("tell.more")}` : text;
    const told = this.#turns.get(message.id)?.after.textContent ?? "";
    this.#parts.announce.textContent = [short && t("tell.answer"), short, told].filter(Boolean).join(" ");
  }

  // -- the end --------------------------------------------------------------------------------------------------------

  #measured() {
    const { scrollTop, scrollHeight, clientHeight } = this.#parts.scroller;
    return { top: scrollTop, height: scrollHeight, view: clientHeight };
  }

  #scrolled() {
    const now = this.#measured();
    this.#following = follows(this.#following, this.#seen, now);
    this.#seen = now;
    this.#hint(now);
  }

  #keepEnd() {
    const { scroller } = this.#parts;
    if (this.#following) scroller.scrollTop = scroller.scrollHeight;
    this.#seen = this.#measured();
    this.#hint(this.#seen);
  }

  #hint(now) {
    this.#parts.down.hidden = this.#following || below(now) <= NEAR;
  }
}
