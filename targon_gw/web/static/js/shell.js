/* The frame of every page: menus, language, theme, who is signed in. */

import { me, meet, post } from "./api.js";
import { toast } from "./toast.js";
import { lang, t } from "./words.js";

export { me, toast };

const root = document.documentElement;
const YEAR = 31536000;

function keep(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = value === null ? 0 : YEAR;
  document.cookie = `${name}=${value ?? ""}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
}

/** Show everything in `wanted`, "zh" or "en", from now on. */
export function setLang(wanted) {
  keep("tg_lang", wanted);
  location.reload();
}

const dark = matchMedia("(prefers-color-scheme: dark)");

/** "light" or "dark": what is seen now. */
export function theme() {
  const chosen = root.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : dark.matches ? "dark" : "light";
}

/** "light", "dark", or null for the system's. Listeners to `tg:theme` of the document hear of it. */
export function setTheme(wanted) {
  keep("tg_theme", wanted);
  root.dataset.theme = wanted ?? "system";
  themed();
}

function themed() {
  const button = document.getElementById("theme");
  const next = theme() === "dark" ? "light" : "dark";
  button?.setAttribute("aria-label", t(`theme.${next}`));
  button?.setAttribute("title", t(`theme.${next}`));
  document.dispatchEvent(new CustomEvent("tg:theme", { detail: theme() }));
}

/**
 * Have `button` open and close `panel`, an element with role "menu" or any other: Esc, a click elsewhere and leaving it
 * by Tab close it, the arrow keys go through what can be chosen. Returns a function that closes it.
 */
export function menu(button, panel) {
  const choices = () => [...panel.querySelectorAll("a[href], button:not([disabled])")].filter((one) => one.offsetParent);

  function show(open, focus = false) {
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open && focus) choices()[0]?.focus();
  }

  function step(event) {
    const all = choices();
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || all.length === 0) return;
    event.preventDefault();
    all.at(to % all.length).focus();
  }

  button.setAttribute("aria-expanded", "false");
  panel.hidden = true;
  button.addEventListener("click", (event) => show(panel.hidden, event.detail === 0));
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    show(true, true);
  });
  panel.addEventListener("keydown", step);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    event.preventDefault(); // it was meant for the menu, and for nothing else that listens
    const inside = panel.contains(document.activeElement);
    show(false);
    if (inside) button.focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!panel.hidden && !panel.contains(event.target) && !button.contains(event.target)) show(false);
  });
  panel.addEventListener("focusout", (event) => {
    const to = event.relatedTarget;
    if (to && !panel.contains(to) && to !== button) show(false);
  });
  return () => show(false);
}

/** Sign out, then show the landing page, from which no way leads back to this one. */
export async function signOut() {
  try {
    await post("/api/logout");
    document.body.hidden = true; // browsers keep a page as it is left
    location.replace("/");
  } catch (error) {
    toast(error.words ?? String(error), "bad");
  }
}

/** Show in the header that `told`, an answer of /api/me, is so. */
export function greet(told) {
  meet(told);
  root.dataset.session = told.signed_in ? "yes" : "no";
  const name = document.getElementById("who-name");
  if (!name || !told.signed_in) return;
  name.textContent = told.name;
  document.getElementById("who").setAttribute("aria-label", t("who.menu", { name: told.name }));
  document.getElementById("who-admin").hidden = !told.admin;
}

function here() {
  const page = root.dataset.page;
  return ["login", "register", "landing", "lost"].includes(page) ? "" : `?next=${encodeURIComponent(location.pathname)}`;
}

/** A page that comes back as it was left may hold a key or a conversation that is no more, or somebody else's by now. */
function returned(event) {
  if (!event.persisted || (root.dataset.session !== "yes" && root.dataset.page !== "chat")) return;
  document.body.hidden = true;
  location.reload();
}

/** Go past the header without a trace in the address, where pages keep places of their own. */
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function begin() {
  document.querySelector(".skip").addEventListener("click", skip);
  addEventListener("pageshow", returned);
  document.getElementById("lang")?.addEventListener("click", () => setLang(lang === "zh" ? "en" : "zh"));
  document.getElementById("theme")?.addEventListener("click", () => setTheme(theme() === "dark" ? "light" : "dark"));
  dark.addEventListener("change", themed);
  themed();
  menu(document.getElementById("who"), document.getElementById("who-menu"));
  menu(document.getElementById("nav-button"), document.getElementById("nav-panel"));
  document.getElementById("sign-out").addEventListener("click", signOut);
  document.getElementById("sign-in").href += here();
  // Nobody is signed in where there is no session: the page is told by the server, and need not ask.
  if (root.dataset.session === "yes") me().then(greet, () => {});
}

begin();
