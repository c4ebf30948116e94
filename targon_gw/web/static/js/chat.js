/** The chat page: puts its parts together, and knows which conversation is looked at. */

import { get } from "./api.js";
import { me } from "./shell.js";
import { toast } from "./toast.js";
import { t } from "./words.js";
import { Composer } from "./chat/composer.js";
import { openGear } from "./chat/gear.js";
import { openPanel } from "./chat/key.js";
import { forgetKey, ownKey } from "./chat/keyring.js";
import { recall, remember } from "./chat/kept.js";
import { chosen } from "./chat/models.js";
import { Picker } from "./chat/picker.js";
import { Sidebar } from "./chat/sidebar.js";
import { openStore } from "./chat/store.js";
import { goOn } from "./chat/takeover.js";
import { newId, Talk } from "./chat/talk.js";
import { Conversation, newThread } from "./chat/thread.js";
import { converse } from "./chat/transport.js";
import { ThreadView } from "./chat/view.js";
import { emptyParts } from "./chat/empty.js";

const $ = (id) => document.getElementById(id);
/** Milliseconds between two looks at how the models are. */
const LOOK_AGAIN = 60_000;

let who = { signed_in: false };
let store = null;
let models = [];
let talk = null;
/** Talks in which an answer is coming in, also while another one is looked at. */
const going = new Map();
/** How often another conversation was asked for: what is loaded for an earlier time comes too late. */
let turn = 0;

const guest = () => !who.signed_in;
const registers = () => document.documentElement.dataset.registration !== "closed";
const owner = () => (who.signed_in ? who.name : "");

const view = new ThreadView(
  { scroller: $("scroll"), list: $("list"), empty: $("empty"), down: $("down"), announce: $("announce") },
  {
    edit: (id, text) => talk.edit(id, text, talk.conversation.thread.model),
    again: (id) => free() && talk.again(id, talk.conversation.thread.model),
    choose: (id) => talk.choose(id),
    more: () => send(t("end.more.words")),
    key: (id) => {
      forgetKey();
      if (free()) talk.again(id, talk.conversation.thread.model);
    },
  },
  guest,
);
const composer = new Composer(
  { form: $("composer"), area: $("words-in"), send: $("send"), stop: $("stop") },
  { send, stop: () => talk?.stop() },
);
const picker = new Picker({ button: $("model"), name: $("model-name"), facts: $("model-facts"), menu: $("model-menu") }, pick, guest);
const sidebar = new Sidebar(
  {
    ...{ side: $("side"), veil: $("side-veil"), list: $("history"), find: $("find"), open: $("side-open") },
    ...{ close: $("side-close"), all: $("all-button"), allMenu: $("all-menu"), threadMenu: $("thread-menu") },
  },
  { rename, remove, clear },
  (id) => going.has(id),
);

// -- conversations ----------------------------------------------------------------------------------------------------

function made(conversation) {
  const key = () => (who.signed_in ? ownKey() : null);
  const one = new Talk(conversation, { store, call: converse, key });
  one.listen(({ what, error }) => {
    if (what === "trouble") toast(t("store.trouble", { why: error?.name ?? "" }), "bad");
    if (one.running) going.set(one.id, one);
    else going.delete(one.id);
    if (what === "path" || what === "ended") {
      sidebar.refresh();
      if (one === talk) busy();
    }
  });
  return one;
}

function busy() {
  composer.busy = talk.running !== null;
}

function show(next) {
  talk = next;
  view.show(talk);
  picker.current = talk.conversation.thread.model;
  sidebar.shown = talk.id;
  const fresh = talk.conversation.messages.size === 0;
  composer.open(`${owner()}:${fresh ? "new" : talk.id}`);
  busy();
  $("gear").classList.toggle("set", Object.keys(talk.conversation.thread.settings).some((name) => talk.conversation.thread.settings[name]));
  entitle();
}

function entitle() {
  document.title = [talk.conversation.thread.title || t("title"), t("brand")].join(" · ");
}

/** Begin a new conversation. `gone`: the one that was looked at is no more, and no way leads back to it. */
function begin({ focus = true, gone = false } = {}) {
  turn += 1;
  const wished = new URLSearchParams(location.search).get("model");
  const model = chosen(models, [talk ? null : wished, recall("model")], guest());
  show(made(new Conversation(newThread(newId(), Date.now(), model))));
  if (location.hash.startsWith("#c=")) history[gone ? "replaceState" : "pushState"](null, "", location.pathname + location.search);
  sidebar.drawer(false);
  if (focus) composer.focus();
}

async function open(id) {
  const mine = (turn += 1);
  if (id === talk?.id) return;
  if (going.has(id)) {
    show(going.get(id));
    return;
  }
  const found = await store.load(id);
  if (mine !== turn) return; // the reader has gone elsewhere meanwhile
  if (found === null) {
    begin({ gone: true });
    return;
  }
  const model = chosen(models, [found.thread.model, recall("model")], guest()) ?? found.thread.model;
  show(made(new Conversation({ ...found.thread, model }, found.messages)));
}

function followAddress() {
  if (location.hash === "#key") {
    const here = talk?.conversation.messages.size ? `#c=${talk.id}` : "";
    history.replaceState(null, "", location.pathname + location.search + here);
    panel();
    if (talk) return;
  }
  const id = /^#c=([\w-]+)$/.exec(location.hash)?.[1];
  if (id) open(id);
  else if (!talk || talk.conversation.messages.size) begin({ focus: matchMedia("(hover: hover)").matches });
}

/** Whether something may be asked now; where an answer is coming in, the reader is told so. */
function free() {
  if (talk.running) toast(t("talk.busy"), "bad");
  return !talk.running;
}

function send(text) {
  if (!talk || !free()) return false;
  const { thread } = talk.conversation;
  if (!thread.model) {
    toast(t(guest() && models.length ? "join.needed" : "model.none"), "bad");
    return false;
  }
  const parent = talk.conversation.path().at(-1)?.id ?? null;
  if (parent === null) {
    history.replaceState(null, "", `${location.pathname}#c=${thread.id}`);
    // From now on drafts are this conversation's.
    queueMicrotask(() => composer.open(`${owner()}:${thread.id}`));
  }
  talk.ask(text, thread.model, parent);
  entitle();
  sidebar.shown = thread.id;
  return true;
}

async function rename(id, title) {
  const one = id === talk.id ? talk : going.get(id);
  if (one) one.set({ title, named: true });
  else await store.change(id, { title, named: true });
  entitle();
  sidebar.refresh();
}

async function remove(id) {
  going.get(id)?.stop();
  await store.remove(id);
  gone([id]);
}

async function clear() {
  for (const one of going.values()) one.stop();
  const ids = (await store.threads()).map((thread) => thread.id);
  await store.clear();
  gone(ids);
}

/** The conversations `ids` are no more: nor is there a way back to them, or a draft. */
function gone(ids, { focus = true } = {}) {
  if (ids.includes(talk?.id)) begin({ focus, gone: true }); // first: whoever leaves a draft keeps it
  for (const id of ids) remember(`draft:${owner()}:${id}`, null);
  sidebar.refresh();
}

function pick(model) {
  remember("model", model);
  talk.set({ model });
  picker.current = model;
  composer.focus();
}

// -- other windows ----------------------------------------------------------------------------------------------------

let told = 0;
function elsewhere({ kind, id }) {
  clearTimeout(told);
  told = setTimeout(() => sidebar.refresh(), 150);
  if (kind === "saved") {
    if (id === talk?.id && !talk.running) reread(id);
    return;
  }
  const begun = talk?.conversation.messages.size ? [talk.id] : [];
  const ids = kind === "removed" ? [id] : [...begun, ...going.keys()];
  for (const each of ids) going.get(each)?.stop();
  gone(ids, { focus: false });
}

let reading = 0;
function reread(id) {
  clearTimeout(reading);
  reading = setTimeout(async () => {
    const found = await store.load(id);
    if (found === null || id !== talk.id || talk.running) return;
    // What this window shows of the versions is its own choice: only messages and title are another's.
    const { thread, messages } = talk.conversation;
    const news = found.messages.filter((message) => JSON.stringify(messages.get(message.id)) !== JSON.stringify(message));
    if (news.length) talk.takeIn(news);
    if (found.thread.title !== thread.title) {
      Object.assign(thread, { title: found.thread.title, named: found.thread.named });
      entitle();
    }
  }, 300);
}

// -- the page ---------------------------------------------------------------------------------------------------------

function leave() {
  for (const one of new Set([talk, ...going.values()])) one?.leave();
}

function shortcuts(event) {
  const mod = event.metaKey || event.ctrlKey;
  if (mod && event.shiftKey && event.key.toLowerCase() === "o") {
    event.preventDefault();
    begin();
  } else if (event.key === "Escape" && !event.isComposing && event.keyCode !== 229 && talk?.running) {
    // Whatever Esc closes it closes, and nothing besides.
    if (event.defaultPrevented || document.querySelector("dialog[open], [popover]:popover-open")) return;
    talk.stop();
  }
}

function panel() {
  openPanel(talk?.conversation.thread.model, owner());
}

function greet() {
  $("me").disabled = false;
  $("me-name").textContent = who.signed_in ? who.name : t("me.visitor");
  $("me-letter").textContent = who.signed_in ? [...who.name][0].toUpperCase() : "?";
  $("me-note").textContent = t(who.signed_in ? "me.key" : registers() ? "me.join" : "me.signin");
  $("empty").replaceChildren(...emptyParts(who, (text) => composer.fill(text)));
}

async function look() {
  try {
    ({ models } = await get("/api/models"));
    picker.models = models;
  } catch (error) {
    if (!models.length) toast(error.words ?? String(error), "bad");
  }
}

async function start() {
  $("new-keys").textContent = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘⇧O" : "Ctrl ⇧ O";
  const asked = me().then(
    (told) => (who = told),
    (error) => toast(error.words ?? String(error), "bad"),
  );
  await Promise.all([asked, look()]);
  store = await openStore(owner());
  if (who.signed_in) await goOn(owner(), store).catch(() => 0); // what can't be moved stays where it is
  store.onElsewhere(elsewhere);
  $("memory-note").hidden = store.lasting;
  greet();
  sidebar.store = store;
  followAddress();
  addEventListener("hashchange", followAddress);
  for (const name of ["beforeunload", "pagehide"]) addEventListener(name, leave);
  document.addEventListener("keydown", shortcuts);
  $("new").addEventListener("click", () => begin());
  $("me").addEventListener("click", panel);
  $("gear").addEventListener("click", () =>
    openGear(talk.conversation.thread.settings, (settings) => {
      talk.set({ settings });
      show(talk);
    }),
  );
  setInterval(() => document.visibilityState === "visible" && look(), LOOK_AGAIN);
}

start();
