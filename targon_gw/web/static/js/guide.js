/* The guide: code for the reader's own key, model and language, which can be run where it stands. */

import { get } from "./api.js";
import { copyButton } from "./copy.js";
import { clock } from "./format.js";
import { colour } from "./guide/colours.js";
import * as catalog from "./guide/catalog.js";
import { follow } from "./guide/contents.js";
import { el } from "./dom.js";
import { quote } from "./guide/quotes.js";
import { first } from "./guide/figures.js";
import { pasted } from "./guide/keys.js";
import { Piece } from "./guide/pieces.js";
import { INSTALL, LANGUAGES } from "./guide/snippets.js";
import { me, toast } from "./shell.js";
import { say, t } from "./words.js";

const KEPT = "tg_guide_language";
const AGAIN = 20000; // milliseconds between two looks at the states of the models
const root = document.documentElement;
const place = (id) => document.getElementById(id);

const chosen = {
  base: place("base-url").textContent,
  key: "",
  model: "",
  language: LANGUAGES.includes(remembered()) ? remembered() : LANGUAGES[0],
  shown: false,
};
let who = null; // what /api/me told
let models = [];
let keyed = Promise.resolve(); // one's own key has come, or will not

function remembered() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // not allowed here
  }
}

function remember(language) {
  try {
    localStorage.setItem(KEPT, language);
  } catch {
    // then not
  }
}

/* What keeps a snippet from being run, and what helps whom was refused. */

function ways() {
  const links = [el("a.button.small", { href: "#key" }, t("run.how"))];
  if (root.dataset.registration !== "closed" && !who?.signed_in) {
    links.unshift(el("a.button.small", { href: "/register" }, t("run.register")));
  }
  if (!who?.signed_in) links.unshift(el("a.button.small.primary", { href: "/login?next=/guide" }, t("run.signin")));
  return el("p.toolbar", {}, ...links);
}

function open() {
  return root.dataset.anonymous === "yes";
}

function before(id) {
  if (!chosen.model && !["models", "own"].includes(id)) return [el("p", {}, t("run.model"))];
  if (chosen.key || open()) return null;
  return [el("p", {}, `${t("run.nokey")} ${t("run.nokey.paste")}`), ways()];
}

/** The line of an error leads back to the reader's own last request that ended so. */
function last(row, request, figure) {
  figure.id ||= `run-${figure.dataset.snippet}`;
  const told = [clock(Date.now() / 1000), request].filter(Boolean).join(" · ");
  row.querySelector(".own-last")?.remove();
  row.lastElementChild.append(el("a.told.own-last", { href: `#${figure.id}` }, t("run.last", { told })));
}

function help({ error, request }, figure) {
  const row = place(`error-${error.code}`);
  if (row) last(row, request, figure);
  const link = row ? el("p", {}, el("a", { href: `#${row.id}` }, t("run.see"))) : null;
  return [link, error.code === "invalid_api_key" ? ways() : null].filter(Boolean);
}

/* The bar. */

const pieces = [...document.querySelectorAll("[data-snippet]")].map(
  (figure) => new Piece(figure, { chosen: () => chosen, help, before }),
);

/** Do `change`, which may make what is above longer or shorter: what one reads stays where it is. */
function still(change) {
  const line = place("bar").getBoundingClientRect().bottom + 24;
  const anchor = [...document.querySelectorAll(".guide section > *")].find((one) => one.getBoundingClientRect().bottom > line);
  const before = anchor?.getBoundingClientRect().top;
  change();
  if (anchor) scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
}

function write() {
  for (const piece of pieces) piece.write();
  place("install-line").textContent = INSTALL[chosen.language];
  place("install").classList.toggle("nothing", !INSTALL[chosen.language]);
}

function reveal(shown) {
  chosen.shown = shown;
  const button = place("bar-show");
  button.setAttribute("aria-pressed", String(shown));
  button.title = t(shown ? "bar.hide" : "bar.show");
  place("bar-key").classList.toggle("concealed", !shown);
  write();
}

function choose(model) {
  chosen.model = model;
  place("bar-model").value = model;
  write();
}

function bar() {
  place("bar").addEventListener("submit", (event) => event.preventDefault());
  place("bar-key").addEventListener("input", (event) => {
    chosen.key = pasted(event.target.value);
    write();
  });
  place("bar-key").addEventListener("blur", (event) => {
    event.target.value = chosen.key;
  });
  place("bar-show").addEventListener("click", () => reveal(!chosen.shown));
  place("bar-model").addEventListener("change", (event) => choose(event.target.value));
  for (const radio of document.querySelectorAll('#bar [name="language"]')) {
    radio.checked = radio.value === chosen.language;
    radio.addEventListener("change", () => {
      chosen.language = radio.value;
      remember(radio.value);
      still(write);
    });
  }
}

/* What comes from the server. */

async function key() {
  try {
    who = await me();
    if (!who.signed_in || chosen.key) return;
    const told = await get("/api/me/key");
    if (chosen.key) return; // pasted meanwhile
    chosen.key = told.key;
    place("bar-key").value = told.key;
    place("bar-note").textContent = t("bar.mine");
    write();
  } catch {
    // The guide reads as well without: the key can be pasted.
  }
}

function fill(select) {
  const groups = catalog.byKind(models.filter((model) => model.kind !== "embedding")).map(([kind, some]) =>
    el(
      "optgroup",
      { label: t(`kind.${kind}`) },
      ...some.map((model) => {
        const state = model.state === "available" ? "" : ` · ${t(`state.${model.state}`)}`;
        return el("option", { value: model.id }, `${model.id}${state}`);
      }),
    ),
  );
  select.replaceChildren(...groups);
}

/** The models, now and every while that somebody looks, until there are some and after. */
async function offered() {
  const none = !models.length;
  const list = place("catalog-list");
  try {
    models = (await get("/api/models")).models;
  } catch (error) {
    if (models.length) return; // those of before are good enough until the next time
    const again = el("button.button.small", { type: "button" }, t("retry"));
    again.addEventListener("click", offered);
    list.replaceChildren(el("p", {}, `${t("catalog.failed")} ${say(error.code, error.message)}`), again);
    list.setAttribute("aria-busy", "false");
    place("bar-model").replaceChildren(el("option", { value: "" }, t("bar.none")));
    return;
  }
  catalog.show(list, models, (id) => {
    choose(id);
    toast(t("catalog.used", { id }));
  });
  place("catalog-ranges").textContent = catalog.summary(models);
  if (none && models.length) await begun();
}

/** There are models for the first time: the snippets ask one of them from now on. */
async function begun() {
  fill(place("bar-model"));
  place("bar-model").value = chosen.model; // browsers would show the first one as chosen
  await keyed;
  if (chosen.model) return; // by the reader, meanwhile
  const free = !chosen.key && open();
  choose(first(models, (model) => !free || model.anonymous) || first(models));
}

/* The contact as a link, where it is one. */

function contact() {
  const shown = place("contact");
  const text = shown.textContent.trim();
  const href = /^https?:\/\//.test(text) ? text : /^[^\s@]+@[^\s@]+$/.test(text) ? `mailto:${text}` : null;
  if (href) shown.replaceChildren(el("a", { href }, text));
}

function samples() {
  for (const code of document.querySelectorAll(".sample code")) {
    if (code.dataset.grammar === "json") colour(code, "json");
  }
}

/** The name of a place out of an address's hash; as it stands there, where no name can be read out of it. */
function named(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return hash.slice(1);
  }
}

/** Be where the address names a place; returns what keeps one there while the page grows, unless one has moved on. */
function arrive() {
  const there = location.hash && place(named(location.hash));
  if (!there) return () => {};
  there.scrollIntoView();
  const at = scrollY;
  return () => {
    if (Math.abs(scrollY - at) < 2) there.scrollIntoView();
  };
}

async function begin() {
  quote(document.querySelector(".guide"));
  contact();
  copyButton(place("base-copy"), () => chosen.base);
  bar();
  write();
  samples();
  follow(document.querySelector(".toc-box"));
  const stay = arrive();
  keyed = key();
  await offered();
  stay();
  setInterval(() => document.visibilityState === "visible" && offered(), AGAIN);
}

begin();
