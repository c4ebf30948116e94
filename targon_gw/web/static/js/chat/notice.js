/** What is shown below an answer that is not whole: what happened, and buttons for what can be done. */

import { t } from "../words.js";
import { el, icon } from "../dom.js";
import { mayHelp } from "./ends.js";

const ICONS = { info: "info", warn: "warning", bad: "warning", join: "user" };

/** The box for `notice`, made by noticeOf(); `does` performs. */
export function noticeBox(notice, end, message, does) {
  const buttons = notice.does.map((what) => BUTTONS[what](end, message, does)).flat();
  const body = el(
    "div.notice-body",
    {},
    el("p.notice-title", {}, el("strong", {}, notice.title), notice.words ? ` ${notice.words}` : ""),
    ...(buttons.length ? [el("div.toolbar", {}, ...buttons)] : []),
  );
  const tone = notice.tone === "join" ? ".join" : `.${notice.tone}`;
  return el(`div.notice${tone}`, { role: "group", "aria-label": notice.title }, icon(ICONS[notice.tone]), body);
}

const BUTTONS = {
  retry: (end, message, does) => [retry(end, message, does)],
  more: (_, __, does) => [el("button.button.small", { type: "button", onclick: () => does.more() }, t("end.more"))],
  key: (_, message, does) => [
    el("button.button.small", { type: "button", onclick: () => does.key(message.id) }, icon("key"), t("end.key")),
  ],
  join: () => joining(),
};

/** The ways in for whoever is not signed in: registration where it is open, and signing in. */
export function joining() {
  const next = encodeURIComponent("/chat");
  const closed = document.documentElement.dataset.registration === "closed";
  const sign = el(`a.button.small${closed ? ".primary" : ""}`, { href: `/login?next=${next}` }, t("nav.login"));
  return closed ? [sign] : [el("a.button.primary.small", { href: `/register?next=${next}` }, t("join.register")), sign];
}

function retry(end, message, does) {
  const button = el("button.button.small", { type: "button" }, icon("refresh"), el("span.nums", {}, t("retry")));
  button.addEventListener("click", () => does.again(message.id));
  if (!mayHelp(end)) button.lastChild.textContent = t("end.anyway");
  if (end.kind === "refused" && end.wait) countdown(button, message.touched + end.wait * 1000);
  return button;
}

/** Count down to `until`, milliseconds since 1970, on `button`, which can be pressed before as well. */
function countdown(button, until) {
  const label = button.lastChild;
  const tell = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    label.textContent = left > 0 ? t("end.wait", { n: left }) : t("retry");
    if (left <= 0 || !button.isConnected) clearInterval(timer);
  };
  const timer = setInterval(tell, 500);
  label.textContent = t("end.wait", { n: Math.max(1, Math.ceil((until - Date.now()) / 1000)) });
}
