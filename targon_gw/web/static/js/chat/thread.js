/**
 * A conversation as data: a tree of messages, of which one path is shown.
 *
 * Whoever asks a question anew, or has an answer made anew, adds a branch; none is ever taken away. Messages know their
 * parent, and the thread knows which child was chosen last: so two windows that add to the same thread make branches,
 * and neither overwrites the other. Nothing here shows, stores or sends.
 *
 * A message: `{id, thread, parent, role, text, at, …}`, `parent` null for a first question; an answer has also
 * `{thought, model, end, usage, …}`. A thread: `{id, title, named, model, settings, created, updated, chosen}`.
 * Times are milliseconds since 1970.
 */

/** Milliseconds for which an answer that nobody writes on is believed to be under way. */
export const PATIENCE = 10_000;
const ROOT = "";
const TITLE = 48;

/** A thread with nothing said in it. */
export function newThread(id, now, model = null, settings = {}) {
  return { id, title: "", named: false, model, settings, created: now, updated: now, chosen: {} };
}

/** One thread and its messages. */
export class Conversation {
  #children = new Map();

  constructor(thread, messages = []) {
    this.thread = thread;
    this.messages = new Map();
    for (const message of messages) this.put(message);
  }

  /** Add `message`, or put it in the place of the one that has its id. */
  put(message) {
    if (!this.messages.has(message.id)) {
      const siblings = this.#children.get(message.parent ?? ROOT) ?? [];
      siblings.push(message.id);
      this.#children.set(message.parent ?? ROOT, siblings);
    }
    this.messages.set(message.id, message);
    return message;
  }

  /** Add `message` and show it. */
  add(message) {
    this.put(message);
    this.choose(message.id);
    return message;
  }

  /** Ids of what follows on `parent` (null: of the first questions), oldest first. */
  children(parent) {
    const ids = [...(this.#children.get(parent ?? ROOT) ?? [])];
    const at = (id) => this.messages.get(id).at;
    return ids.sort((a, b) => at(a) - at(b) || (a < b ? -1 : 1));
  }

  /** The versions that `id` is one of: `{ids, index}`. */
  versions(id) {
    const ids = this.children(this.messages.get(id).parent);
    return { ids, index: ids.indexOf(id) };
  }

  /** Show `id` among its versions. */
  choose(id) {
    this.thread.chosen = { ...this.thread.chosen, [this.messages.get(id).parent ?? ROOT]: id };
  }

  /** The messages shown, from the first question on. */
  path() {
    const shown = [];
    const seen = new Set();
    for (let parent = null; ; ) {
      const ids = this.children(parent);
      if (!ids.length) return shown;
      const chosen = this.thread.chosen[parent ?? ROOT];
      const id = ids.includes(chosen) ? chosen : ids[ids.length - 1];
      if (seen.has(id)) return shown; // a file that somebody made by hand: better short than without end
      seen.add(id);
      shown.push(this.messages.get(id));
      parent = id;
    }
  }

  /** The messages from the first question to `id`. */
  upTo(id) {
    const line = [];
    for (let each = this.messages.get(id); each && !line.includes(each); each = this.messages.get(each.parent)) {
      line.unshift(each);
    }
    return line;
  }
}

/** What is sent for the question `id`: the system prompt and all that was said up to it; no thoughts, no empty answers. */
export function promptOf(conversation, id) {
  const system = conversation.thread.settings.system?.trim();
  const said = conversation.upTo(id).filter((each) => each.role === "user" || each.text.trim());
  return [
    ...(system ? [{ role: "system", content: system }] : []),
    ...said.map(({ role, text }) => ({ role, content: text })),
  ];
}

/** The body of the call that asks the question `id` of `model`. */
export function requestOf(conversation, id, model) {
  const { temperature, max_tokens, top_p } = conversation.thread.settings;
  const asked = { temperature, max_tokens, top_p };
  const set = Object.entries(asked).filter(([, value]) => typeof value === "number");
  return {
    model,
    messages: promptOf(conversation, id),
    stream: true,
    stream_options: { include_usage: true },
    ...Object.fromEntries(set),
  };
}

/** A title out of a first question: its first line, without the marks of Markdown. */
export function titleOf(text) {
  const line = text.split("\n").find((each) => each.trim()) ?? "";
  const plain = line.replace(/[#>*_`~|]+/g, " ").replace(/\s+/g, " ").trim();
  const letters = [...(plain || line.trim())];
  return letters.length > TITLE ? letters.slice(0, TITLE - 1).join("").trimEnd() + "…" : letters.join("");
}

/**
 * How an answer stands that was read from the store: its own end, or where it has none, whether another window is still
 * writing it (`elsewhere`) or whoever did is gone (`cut`, code `left`). `touched` is when it was last written.
 */
export function standingOf(message, now, patience = PATIENCE) {
  if (message.end) return message.end;
  return now - (message.touched ?? message.at) < patience ? { kind: "elsewhere" } : { kind: "cut", code: "left" };
}
