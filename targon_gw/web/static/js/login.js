/* Signing in. */

import { me, meet, post } from "./api.js";
import { asked, complain, next, submitting } from "./entry.js";
import { t } from "./words.js";

const at = (id) => document.getElementById(id);

function check() {
  const name = at("name").value.trim();
  const password = at("password").value;
  if (!password) complain("password", t("entry.password_missing"));
  if (!name) complain("name", t("entry.name_missing"));
  return name && password ? { name, password } : null;
}

async function send(wanted) {
  meet(await post("/api/login", wanted));
  location.assign(next);
}

if (asked) at("other").search = location.search;
if (document.documentElement.dataset.session === "yes") {
  me().then((told) => told.signed_in && location.replace(next), () => {});
}
submitting(check, send);
at("name").focus();
