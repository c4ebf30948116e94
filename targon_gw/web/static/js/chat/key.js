/** Who I am, and my key: seen, copied, changed; what I have used today; how programs are given it. */

import { me } from "../api.js";
import { copyButton } from "../copy.js";
import { date, number, percent, usd } from "../format.js";
import { setLang, setTheme, signOut, theme } from "../shell.js";
import { toast } from "../toast.js";
import { lang, t } from "../words.js";
import { passwordForm, sessionList } from "./account.js";
import { confirmed } from "./ask.js";
import { el, icon } from "../dom.js";
import { copyIcons, iconButton } from "./parts.js";
import { forgetKey, ownKey, rotateKey } from "./keyring.js";
import { joining } from "./notice.js";
import { goneOf } from "./numbers.js";
import { NO_KEY, programs, snippets } from "./snippets.js";

const dialog = document.getElementById("key-dialog");
const ADDRESS = `${location.origin}/v1`;
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

/**
 * Open the panel. `model` is the one that the samples ask; `reader` is whom the page is for, by name ("": nobody who is
 * signed in): where it is somebody else by now, all of the page is made anew.
 */
export async function openPanel(model, reader) {
  const head = el(
    "div.dialog-head",
    {},
    el("h2", { id: "key-title" }, t("key.title")),
    iconButton("close", t("close"), () => dialog.close()),
  );
  const body = el("div.key-body", {}, el("p.skeleton", {}, t("loading")));
  dialog.replaceChildren(head, body, choicesOfPage());
  if (!dialog.open) dialog.showModal();
  try {
    const who = await me({ fresh: true });
    if ((who.signed_in ? who.name : "") !== reader) {
      location.reload();
      return;
    }
    forgetKey(); // it may have been replaced elsewhere
    head.firstChild.textContent = t(who.signed_in ? "key.title" : "key.visitor");
    body.replaceChildren(...(who.signed_in ? ownParts(who, model) : visitorParts(who)));
  } catch (error) {
    body.replaceChildren(el("p.notice.bad", {}, error.words ?? String(error)));
  }
}

// -- whoever is signed in ---------------------------------------------------------------------------------------------

function ownParts(who, model) {
  const samples = samplesOf(model);
  return [
    el("p.key-who", {}, el("strong", {}, who.name), who.admin && el("span.badge", {}, t("key.admin"))),
    keyBox(who.key, samples.fill),
    usePart(who.use),
    samples.element,
    programsPart(),
    fold("key.password", () => passwordForm()),
    fold("key.sessions", () => sessionList()),
  ];
}

function keyBox(key, changed) {
  const shown = el("code.key-shown", { id: "own-key" }, key.masked);
  let masked = key.masked;
  const see = iconButton("eye", t("key.show"), async () => {
    const hide = see.getAttribute("aria-pressed") === "true";
    const text = hide ? masked : await trying(ownKey);
    if (text === null) return;
    shown.textContent = text;
    changed(!hide);
    see.setAttribute("aria-pressed", String(!hide));
    see.replaceChildren(icon(hide ? "eye" : "eye-off"));
  });
  see.setAttribute("aria-pressed", "false");
  const label = t("copy");
  const take = el("button.button.plain.small.square", { type: "button", "aria-label": label, title: label }, ...copyIcons());
  copyButton(take, ownKey);
  const turn = el("button.button.small", { type: "button" }, icon("refresh"), t("key.rotate"));
  turn.addEventListener("click", async () => {
    const sure = { title: t("key.rotate.title"), text: t("key.rotate.text"), action: t("key.rotate") };
    if (!(await confirmed(sure))) return;
    const made = await trying(rotateKey);
    if (made === null) return;
    ({ masked } = made);
    const open = see.getAttribute("aria-pressed") === "true";
    shown.textContent = open ? made.key : masked;
    changed(open);
    toast(t("key.rotated"), "ok");
  });
  // Fetched now, so that a click can copy at once: some browsers allow that only right after it.
  ownKey().then(() => changed(false), () => {});
  return el("div.key-box", {}, shown, el("div.key-tools", {}, see, take, turn));
}

async function trying(act) {
  try {
    return await act();
  } catch (error) {
    toast(error.words ?? String(error), "bad");
    return null;
  }
}

function usePart(use) {
  const { quota } = use;
  if (!quota) {
    const told = t("use.none", { requests: number(use.requests), tokens: number(use.tokens?.total) });
    return el("section.key-part", {}, el("h3", {}, t("use.title")), el("p.muted.nums", {}, told));
  }
  const gone = goneOf(quota);
  const label = t("use.of", { used: figure(quota.used, quota.unit), limit: amount(quota.limit, quota.unit) });
  const bar = el("meter.use-bar", { min: "0", max: "1", high: "0.9", optimum: "0", "aria-label": label });
  bar.value = gone;
  const resets = quota.resets_at ? t("use.resets", { at: date(Date.parse(quota.resets_at) / 1000) }) : t("use.never");
  return el(
    "section.key-part",
    {},
    el("h3", {}, t(`use.per.${quota.per}`)),
    el("p.use-line.nums", {}, el("span", {}, label), el("span.muted", {}, percent(gone, 1))),
    bar,
    el("p.muted.small", {}, resets, quota.held ? ` ${t("use.held", { n: figure(quota.held, quota.unit) })}` : ""),
  );
}

/** `n` of a quota in `unit`, and the same with the unit beside it; money is told in the unit's own sign. */
const figure = (n, unit) => (unit === "usd" ? usd(n * 1e6) : number(n));
const amount = (n, unit) => (unit === "usd" ? figure(n, unit) : `${number(n)} ${t(`unit.${unit}`)}`);

/** Samples with the key filled in: copied whole, shown with the key only where that is shown. */
function samplesOf(model) {
  const made = (key) => snippets({ address: ADDRESS, key, model: model ?? "MODEL", said: t("sample.said") });
  let [shown, whole, chosen] = [made(NO_KEY), made(NO_KEY), "curl"];
  const code = el("code");
  const take = el("button.button.plain.small", { type: "button" }, ...copyIcons(), t("copy"));
  copyButton(take, () => whole[chosen]);
  const tabs = Object.keys(whole).map((name) => {
    const tab = el("button.tab", { type: "button", onclick: () => show(name) }, t(`sample.${name}`));
    tab.dataset.name = name;
    return tab;
  });
  function show(name) {
    chosen = name;
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.name === name));
    code.textContent = shown[name];
  }
  async function fill(open) {
    const key = await ownKey().catch(() => NO_KEY);
    whole = made(key);
    shown = open ? whole : made(`${key.slice(0, 6)}…${key.slice(-3)}`);
    show(chosen);
  }
  show(chosen);
  const bar = el("div.code-bar", {}, el("div.tabs", { role: "group", "aria-label": t("sample.title") }, ...tabs), take);
  const box = el("pre", { tabindex: "0", "aria-label": t("sample.title") }, code);
  const element = el("section.key-part", {}, el("h3", {}, t("sample.title")), el("div.code-box", {}, bar, box));
  return { element, fill };
}

function programsPart() {
  const row = ({ name, address }) => {
    const label = t("programs.copy", { name });
    const take = el("button.button.plain.small.square", { type: "button", "aria-label": label, title: label }, ...copyIcons());
    copyButton(take, () => address);
    const how = el("p.muted.small", {}, t(`programs.${name.toLowerCase().replace(/\W/g, "")}`));
    return el("li", {}, el("p.program", {}, el("strong", {}, name), el("code", {}, address), take), how);
  };
  const list = el("ul.programs", {}, ...programs(ADDRESS).map(row));
  return fold("programs.title", () => el("div", {}, el("p.muted.small", {}, t("programs.note")), list));
}

/** A part that is made when it is opened first. */
function fold(key, make) {
  const place = el("div.fold-body");
  const part = el("details.fold", {}, el("summary", {}, icon("chevron-right", "small"), t(key)), place);
  part.addEventListener("toggle", () => part.open && !place.childElementCount && place.append(make()));
  return part;
}

// -- whoever is not ---------------------------------------------------------------------------------------------------

function visitorParts(who) {
  const { anonymous, contact, registration } = who;
  const limits = [];
  if (anonymous.limits?.requests_per_minute) limits.push(t("visitor.rate", { n: anonymous.limits.requests_per_minute }));
  if (anonymous.quota) {
    const { amount: most, unit, per } = anonymous.quota;
    limits.push(t("visitor.quota", { amount: amount(most, unit), per: t(`per.${per}`) }));
  }
  return [
    el("p", {}, t(anonymous.enabled ? "visitor.may" : "visitor.maynot")),
    limits.length ? el("ul.muted", {}, ...limits.map((text) => el("li", {}, text))) : null,
    el("p", {}, t(`visitor.${registration}`), contact ? ` ${t("visitor.contact", { contact })}` : ""),
    el("div.toolbar", {}, ...joining()),
  ].filter(Boolean);
}

// -- the page's own choices -------------------------------------------------------------------------------------------

function choicesOfPage() {
  const other = lang === "zh" ? "en" : "zh";
  const tongue = el("button.button.small", { type: "button", onclick: () => setLang(other) }, t("lang.switch"));
  tongue.lang = other === "zh" ? "zh-CN" : "en";
  const shade = el("button.button.small", { type: "button" });
  const tell = () => {
    const next = theme() === "dark" ? "light" : "dark";
    shade.replaceChildren(icon(next === "dark" ? "moon" : "sun"), t(`theme.${next}`));
  };
  shade.addEventListener("click", () => {
    setTheme(theme() === "dark" ? "light" : "dark");
    tell();
  });
  tell();
  const out = el("button.button.small.signed-in", { type: "button", onclick: signOut }, icon("sign-out"), t("who.out"));
  return el("div.key-choices.toolbar", {}, tongue, shade, out);
}
