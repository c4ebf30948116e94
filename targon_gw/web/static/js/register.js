/* Registering: a name, a password, and a key at once. */

import { post } from "./api.js";
import { takeOver } from "./chat/takeover.js";
import { copyButton } from "./copy.js";
import { asked, complain, next, submitting } from "./entry.js";
import { greet } from "./shell.js";
import { t } from "./words.js";

const at = (id) => document.getElementById(id);
const byInvite = document.documentElement.dataset.registration === "invite";
const NAME = /^[a-z0-9._-]{3,32}$/;

function check() {
  const name = at("name").value.trim();
  const password = at("password").value;
  const invite = at("invite").value.trim();
  const wanted = { name, password };
  let fine = true;
  const object = (id, words) => {
    complain(id, t(words));
    fine = false;
  };
  if (byInvite) {
    wanted.invite = invite;
    if (!invite) object("invite", "entry.invite_missing");
  }
  if (password.length < 8 || new TextEncoder().encode(password).length > 1024) object("password", "entry.password_bad");
  if (!NAME.test(name.normalize("NFKC").toLowerCase())) object("name", "entry.name_bad");
  return fine ? wanted : null;
}

function show(told) {
  greet(told);
  at("secret").textContent = told.secret;
  at("done-line").textContent = t("register.welcome", { name: told.name });
  if (asked) {
    at("onward").href = next;
    at("onward").textContent = t("register.onward");
  }
  at("form").remove(); // its password with it
  at("beside").remove();
  at("done").hidden = false;
  at("done-title").focus();
  takeOver(told.name).then(
    (moved) => moved && (at("taken-over").textContent = t("register.taken_over", { n: moved })),
    () => {}, // the browser keeps no more: what it has stays the visitor's
  );
}

if (asked) at("other").search = location.search;
copyButton(at("copy-secret"), () => at("secret").textContent);
submitting(check, async (wanted) => show(await post("/api/register", wanted)), {
  name_taken: "name",
  invite_invalid: "invite",
});
if (document.documentElement.dataset.registration !== "closed") at("name").focus();
