/** What was talked about: by day, searched, called otherwise, exported, deleted; on narrow windows a drawer. */

import { t } from "../words.js";
import { confirmed, renamed } from "./ask.js";
import { groupByDay } from "./days.js";
import { el, icon } from "../dom.js";
import { download, iconButton } from "./parts.js";
import { asConversation, fileName, toJson, toMarkdown } from "./export.js";
import { wordsOf } from "./ends.js";
import { openAt } from "./popup.js";

const SEARCH_AFTER = 180;
const narrow = matchMedia("(max-width: 52rem)");

export class Sidebar {
  #parts;
  #does;
  #store = null;
  #threads = [];
  #shown = null;
  #running = () => false;
  #query = "";
  #timer = 0;
  #turn = 0;

  /**
   * `parts`: `{side, veil, list, find, open, close, all, allMenu, threadMenu}`; `does`: `{rename(id, title),
   * removed(id), cleared()}`; `running(id)`: whether an answer is coming in there.
   */
  constructor(parts, does, running) {
    this.#parts = parts;
    this.#does = does;
    this.#running = running;
    parts.find.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.refresh(), SEARCH_AFTER);
    });
    parts.open.addEventListener("click", () => this.drawer(true));
    parts.close.addEventListener("click", () => this.drawer(false));
    parts.veil.addEventListener("click", () => this.drawer(false));
    parts.side.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !parts.side.classList.contains("out")) return;
      event.preventDefault(); // it was meant for the drawer: no answer is stopped by it
      this.drawer(false);
    });
    parts.all.addEventListener("click", () => this.#openAll());
    narrow.addEventListener("change", () => this.drawer(false));
    this.drawer(false);
  }

  set store(store) {
    this.#store = store;
    this.refresh();
  }

  /** The thread that is looked at. */
  set shown(id) {
    this.#shown = id;
    this.#draw();
  }

  /** Pull the drawer out, or push it back; where there is room it is always there. */
  drawer(out) {
    const { side, open, close } = this.#parts;
    const was = side.classList.contains("out");
    side.classList.toggle("out", out);
    open.setAttribute("aria-expanded", String(out));
    side.inert = narrow.matches && !out;
    if (out) close.focus();
    else if (was) open.focus();
  }

  /** Read the list anew. */
  async refresh() {
    if (!this.#store) return;
    const turn = (this.#turn += 1);
    this.#query = this.#parts.find.value.trim();
    const threads = await this.#store.threads();
    const found = this.#query ? await this.#store.find(this.#query) : null;
    if (turn !== this.#turn) return; // a later one is on its way
    this.#threads = found ? threads.filter((thread) => found.has(thread.id)) : threads;
    this.#draw();
  }

  #draw() {
    const { list } = this.#parts;
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const groups = groupByDay(this.#threads, Date.now()).map((group) => this.#group(group));
    const none = el("p.side-none", {}, t(this.#query ? "side.found.none" : "side.none"));
    list.replaceChildren(...(groups.length ? groups : [none]));
    if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  #group({ name, year, month, threads }) {
    const title = name === "older" ? t("day.older", { year, month: String(month).padStart(2, "0") }) : t(`day.${name}`);
    const items = threads.map((thread) => this.#item(thread));
    return el("section.side-group", {}, el("h2", {}, title), el("ul", {}, ...items));
  }

  #item(thread) {
    const title = thread.title || t("side.untitled");
    const link = el(
      "a.side-link",
      { href: `#c=${thread.id}`, dataset: { key: `a${thread.id}` }, title },
      el("span.side-title", {}, title),
      this.#running(thread.id) && el("span.side-live", { role: "img", "aria-label": t("side.running") }),
    );
    if (thread.id === this.#shown) link.setAttribute("aria-current", "true");
    link.addEventListener("click", () => narrow.matches && this.drawer(false));
    const more = iconButton("more", t("side.more", { title }), () => this.#openThread(more, thread));
    more.setAttribute("aria-haspopup", "menu");
    more.dataset.key = `m${thread.id}`;
    return el("li.side-item", {}, link, more);
  }

  #openThread(button, thread) {
    const { threadMenu } = this.#parts;
    const one = async () => [await this.#store.load(thread.id)].filter(Boolean);
    this.#menu(button, threadMenu, [
      ["edit", "side.rename", () => this.#rename(thread)],
      ["download", "side.export.md", () => this.#export(one, "md", thread.title)],
      ["download", "side.export.json", () => this.#export(one, "json", thread.title)],
      ["trash", "side.delete", () => this.#delete(thread)],
    ]);
  }

  #openAll() {
    const all = () => this.#store.all();
    this.#menu(this.#parts.all, this.#parts.allMenu, [
      ["download", "side.export.all.md", () => this.#export(all, "md", t("side.export.name"))],
      ["download", "side.export.all.json", () => this.#export(all, "json", t("side.export.name"))],
      ["trash", "side.delete.all", () => this.#deleteAll()],
    ]);
  }

  #menu(button, menu, choices) {
    menu.replaceChildren(
      ...choices.map(([sign, key, act]) => {
        const choose = () => {
          menu.hidePopover();
          act();
        };
        return el("button", { type: "button", role: "menuitem", onclick: choose }, icon(sign), t(key));
      }),
    );
    openAt(button, menu);
  }

  async #rename(thread) {
    const title = await renamed({ title: t("side.rename"), label: t("side.rename.label"), name: thread.title });
    if (title !== null) await this.#does.rename(thread.id, title);
  }

  async #delete(thread) {
    const title = thread.title || t("side.untitled");
    const text = t("side.delete.text", { title });
    if (await confirmed({ title: t("side.delete.title"), text, action: t("side.delete") })) {
      await this.#does.remove(thread.id);
    }
  }

  async #deleteAll() {
    const n = (await this.#store.threads()).length;
    const text = t("side.delete.all.text", { n });
    if (await confirmed({ title: t("side.delete.all.title"), text, action: t("side.delete.all.go") })) {
      await this.#does.clear();
    }
  }

  async #export(records, kind, name) {
    const conversations = (await records()).map(asConversation);
    const now = Date.now();
    const text = kind === "json" ? toJson(conversations, now) : toMarkdown(conversations, namesOf());
    download(fileName(name, now, kind), text, kind === "json" ? "application/json" : "text/markdown");
  }
}

function namesOf() {
  const ended = (end) => (!end ? t("end.cut") : { stopped: t("end.stopped"), limit: t("end.limit"), cut: t("end.cut") }[end.kind] ?? unserved(end));
  const names = { user: t("turn.you"), assistant: t("export.assistant"), thought: t("thought.some") };
  return { ...names, system: t("gear.system"), untitled: t("side.untitled"), ended };
}

function unserved(end) {
  return end.kind === "refused" || end.kind === "unreachable" ? wordsOf(end, t) : "";
}
