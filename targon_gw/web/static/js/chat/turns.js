/** One question or answer on the page. Shows a message, and tells what the reader wants done with it. */

import { copyButton } from "../copy.js";
import { count, duration, rate } from "../format.js";
import { t } from "../words.js";
import { el, icon } from "../dom.js";
import { copyIcons, iconButton } from "./parts.js";
import { noticeOf } from "./ends.js";
import { noticeBox } from "./notice.js";
import { Rendering } from "./rendering.js";
import { PATIENCE, standingOf } from "./thread.js";

/** Buttons to go through the versions of a message; nothing where there is but one. */
function pager({ ids, index }, choose) {
  if (ids.length < 2) return [];
  const step = (name, label, to) => {
    const button = iconButton(name, label, () => choose(ids[to]));
    button.disabled = ids[to] === undefined;
    return button;
  };
  const told = el("span.nums", {}, `${index + 1}/${ids.length}`);
  told.setAttribute("aria-label", t("turn.version", { at: index + 1, of: ids.length }));
  told.setAttribute("role", "img");
  return [
    el(
      "span.pager",
      { role: "group", "aria-label": t("turn.versions") },
      step("chevron-left", t("turn.earlier"), index - 1),
      told,
      step("chevron-right", t("turn.later"), index + 1),
    ),
  ];
}

function copies(text) {
  const label = t("copy");
  const button = el("button.button.plain.small.square", { type: "button", "aria-label": label, title: label }, ...copyIcons());
  copyButton(button, text);
  return button;
}

/** A question. `does`: `{edit(id, text), choose(id)}`. */
export class QuestionTurn {
  constructor(message, does) {
    this.message = message;
    this.does = does;
    this.under = el("div.under");
    this.send = el("button.button.primary.small", { type: "submit" }, t("turn.resend"));
    this.words = el("div.bubble", {}, message.text);
    this.element = el(
      "article.turn.question",
      { dataset: { id: message.id } },
      el("h2.visually-hidden", {}, t("turn.you")),
      this.words,
      this.under,
    );
  }

  /** Show the buttons: `versions` as Conversation.versions tells, `busy` where an answer is coming in. */
  tools(versions, busy) {
    const edit = iconButton("edit", t("turn.edit"), () => this.edit());
    edit.disabled = busy;
    this.send.disabled = busy;
    this.under.replaceChildren(...pager(versions, this.does.choose), copies(() => this.message.text), edit);
  }

  /** Have the question written anew. */
  edit() {
    const area = el("textarea.input", { rows: "3", dir: "auto", "aria-label": t("turn.edit") });
    area.value = this.message.text;
    const back = () => {
      form.replaceWith(this.words);
      this.under.hidden = false;
      this.under.querySelector("button:last-child")?.focus();
    };
    const save = (event) => {
      event.preventDefault();
      const text = area.value.trim();
      back();
      if (text) this.does.edit(this.message.id, text);
    };
    const escape = (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.stopPropagation();
      back();
    };
    const cancel = el("button.button.small", { type: "button", onclick: back }, t("cancel"));
    const note = el("p.small.muted", {}, t("turn.edit.note"));
    const form = el("form.rewrite", { onsubmit: save, onkeydown: escape }, area, note, el("div.actions", {}, cancel, this.send));
    this.words.replaceWith(form);
    this.under.hidden = true;
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }

  drop() {}
}

/** An answer. `does`: `{again(id), choose(id), more(), key(id)}`. */
export class AnswerTurn {
  #rendering;
  #folded = null;

  constructor(message, does) {
    this.message = message;
    this.does = does;
    this.prose = el("div.prose");
    this.#rendering = new Rendering(this.prose);
    this.label = el("span");
    this.thought = el("div.thought-text", {});
    this.fold = el("details.thought", { hidden: true }, el("summary", {}, icon("chevron-right", "small"), this.label), this.thought);
    this.fold.querySelector("summary").addEventListener("click", () => (this.#folded = this.fold.open));
    this.waiting = el("p.waiting", { hidden: true }, el("span.dots", { "aria-hidden": "true" }, el("i"), el("i"), el("i")), el("span"));
    this.after = el("div.after");
    this.under = el("div.under");
    this.element = el(
      "article.turn.answer",
      { dataset: { id: message.id } },
      el("h2.visually-hidden", {}, t("turn.model", { model: message.served ?? message.model ?? "" })),
      ...[this.fold, this.prose, this.waiting, this.after, this.under],
    );
  }

  /** Show what there is by now; `answer` is what comes in, null where that is over. */
  grow(answer, now) {
    this.element.classList.add("growing");
    this.waiting.hidden = answer.first !== null;
    if (!this.waiting.hidden) this.waiting.lastChild.textContent = waitingFor((now - answer.asked) / 1000);
    this.think(answer.thought, answer.thinking, answer.thoughtFor(now));
    this.#rendering.show(answer.text.trimStart());
  }

  /** Show the thought: open while it goes on, unless the reader wants otherwise. */
  think(thought, going, milliseconds) {
    if (!thought.trim() && !going) return;
    this.fold.hidden = false;
    this.fold.classList.toggle("going", going);
    this.fold.open = this.#folded === null ? going : !this.#folded;
    this.label.textContent = thoughtLabel(going, milliseconds);
    append(this.thought, thought.trimStart());
  }

  /** Show how it ended. */
  settle(now, guest) {
    const { message } = this;
    const end = standingOf(message, now);
    this.element.classList.remove("growing");
    this.element.dataset.end = end.kind;
    this.waiting.hidden = true;
    this.think(message.thought, false, message.thinking);
    this.#rendering.showNow(message.text.trimStart());
    // Whoever writes it may be gone by then.
    if (end.kind === "elsewhere") setTimeout(() => this.element.isConnected && this.settle(Date.now(), guest), PATIENCE);
    const notice = noticeOf(end, { t, said: message.text.trim() !== "", guest });
    this.after.replaceChildren(...(notice ? [noticeBox(notice, end, message, this.does)] : []));
  }

  /** Show the buttons and figures. */
  tools(versions, busy) {
    const again = iconButton("refresh", t("turn.again"), () => this.does.again(this.message.id));
    again.disabled = busy;
    const text = this.message.text.trim();
    this.under.replaceChildren(
      ...pager(versions, this.does.choose),
      ...(text ? [copies(() => this.message.text.trim())] : []),
      again,
      ...figuresOf(this.message),
    );
  }

  drop() {
    this.#rendering.drop();
  }
}

/** Put into `element` what its text has too little of. */
function append(element, text) {
  const node = element.firstChild ?? element.appendChild(document.createTextNode(""));
  if (text.startsWith(node.data)) node.appendData(text.slice(node.data.length));
  else node.data = text;
}

function waitingFor(seconds) {
  return seconds < 3 ? t("turn.waiting") : t("turn.waiting.long", { time: duration(Math.floor(seconds)) });
}

function thoughtLabel(going, milliseconds) {
  const seconds = Math.round((milliseconds ?? 0) / 1000);
  if (going) return seconds < 1 ? t("thought.begun") : t("thought.going", { time: duration(seconds) });
  return milliseconds === null ? t("thought.some") : t("thought.done", { time: duration(Math.max(1, seconds)) });
}

function figuresOf(message) {
  const { figures, usage, request, served, model } = message;
  const parts = [];
  if (figures?.seconds !== null && figures?.seconds !== undefined) parts.push(fact(duration(figures.seconds), t("fact.seconds")));
  if (figures?.rate) parts.push(fact(t("fact.rate.short", { n: rate(figures.rate) }), t("fact.rate")));
  if (usage?.completion !== null && usage?.completion !== undefined) {
    const told = t("fact.tokens", { prompt: usage.prompt ?? "—", completion: usage.completion });
    parts.push(fact(t("fact.tokens.short", { n: count(usage.completion) }), told));
  }
  if (served && served !== model) parts.push(fact(served, t("fact.served", { model }), ".served"));
  if (request) parts.push(requestId(request));
  return parts.length ? [el("span.facts.nums", {}, ...parts)] : [];
}

function fact(text, title, more = "") {
  return el(`span.fact${more}`, { title }, text);
}

function requestId(id) {
  const short = id.length > 12 ? `${id.slice(0, 12)}…` : id;
  const button = el("button.fact.request.mono", { type: "button", title: t("fact.request", { id }) }, short);
  button.setAttribute("aria-label", `${short} ${t("fact.request", { id })}`);
  copyButton(button, () => id);
  return button;
}
