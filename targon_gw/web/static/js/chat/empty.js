/** What a new conversation shows: a greeting and things to ask; to whoever may not ask, the way in. */

import { t } from "../words.js";
import { el, icon } from "../dom.js";
import { joining } from "./notice.js";

const IDEAS = ["one", "two", "three", "four"];

/** The parts for `who`, an answer of /api/me; `fill(text)` writes into the composer. */
export function emptyParts(who, fill) {
  const name = who.signed_in ? t("empty.hello", { name: who.name }) : t("empty.title");
  const title = el("p.empty-title", {}, name);
  if (!who.signed_in && who.anonymous && !who.anonymous.enabled) {
    const words = t({ closed: "join.closed", invite: "join.invite.long" }[who.registration] ?? "join.needed.long");
    const contact = who.contact ? el("p.muted", {}, t("visitor.contact", { contact: who.contact })) : null;
    const card = el("div.card.join-card", {}, icon("user"), el("h2", {}, t("join.needed")), el("p", {}, words), contact);
    card.append(el("div.toolbar", {}, ...joining()));
    return [title, card];
  }
  const ideas = IDEAS.map((each) => {
    const text = t(`empty.idea.${each}`);
    return el("button.idea", { type: "button", onclick: () => fill(text) }, text);
  });
  return [title, el("div.ideas", {}, ...ideas), !who.signed_in && el("p.muted.small.empty-note", {}, t(who.registration === "closed" ? "empty.visitor.closed" : "empty.visitor"))].filter(Boolean);
}
