/** My account: another password, and where I am signed in. */

import { del, get, post } from "../api.js";
import { ago } from "../format.js";
import { toast } from "../toast.js";
import { t } from "../words.js";
import { el } from "../dom.js";

function password(id, label, autocomplete) {
  const input = el("input", { id, type: "password", required: true, autocomplete, maxlength: "1024" });
  return { input, element: el("div.field", {}, el("label", { for: id }, label), input) };
}

/** A form that changes the password; all other sessions end. */
export function passwordForm() {
  const old = password("password-old", t("password.old"), "current-password");
  const next = password("password-new", t("password.new"), "new-password");
  const error = el("p.error", { role: "alert" });
  const go = el("button.button.primary.small", { type: "submit" }, t("password.change"));
  const form = el("form", {}, old.element, next.element, el("div.field", {}, error), el("p.muted.small", {}, t("password.note")), go);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    error.textContent = "";
    try {
      await post("/api/me/password", { old: old.input.value, new: next.input.value });
      form.reset();
      toast(t("password.changed"), "ok");
    } catch (refused) {
      const words = { sign_in_failed: "password.wrong", invalid_value: "password.bad" }[refused.code];
      error.textContent = words ? t(words) : (refused.words ?? String(refused));
    } finally {
      go.disabled = false;
    }
  });
  return form;
}

/** The browsers that are signed in; each but this one can be signed out. */
export function sessionList() {
  const list = el("ul.sessions", {}, el("li", {}, t("loading")));
  fill(list);
  return list;
}

async function fill(list) {
  try {
    const { sessions } = await get("/api/me/sessions");
    list.replaceChildren(...sessions.map((session) => row(session, list)));
  } catch (error) {
    list.replaceChildren(el("li", {}, error.words ?? String(error)));
  }
}

function row(session, list) {
  const seen = t("sessions.seen", { at: ago(session.seen), address: session.address ?? "" });
  const end = el("button.button.small", { type: "button" }, t("sessions.end"));
  end.addEventListener("click", async () => {
    end.disabled = true;
    try {
      await del(`/api/me/sessions/${encodeURIComponent(session.id)}`);
    } catch (error) {
      toast(error.words ?? String(error), "bad");
    }
    fill(list);
  });
  return el(
    "li",
    {},
    el("span.session-agent", {}, agentOf(session.agent), session.current && el("span.badge.ok", {}, t("sessions.this"))),
    el("span.muted.small", {}, seen),
    !session.current && end,
  );
}

/** A browser's name out of what it calls itself; all of that, in short, where it is none of the usual ones. */
export function agentOf(agent) {
  const text = agent ?? "";
  const browser = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]].find(([mark]) =>
    text.includes(mark),
  );
  const system = [["Android", "Android"], ["iPhone", "iOS"], ["iPad", "iPadOS"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]].find(
    ([mark]) => text.includes(mark),
  );
  return [browser?.[1], system?.[1]].filter(Boolean).join(" · ") || text.slice(0, 60) || "—";
}
