/* What the forms for signing in and registering share: problems where they belong, waiting, showing the password. */

import { ApiError } from "./api.js";
import { onward } from "./onward.js";
import { t } from "./words.js";

const at = (id) => document.getElementById(id);

/** Where to go when done. */
export const next = onward(new URLSearchParams(location.search).get("next"), location.origin);

/** Whether somebody has asked for a place to go to. */
export const asked = next !== onward(null, location.origin);

function mark(id, text) {
  const line = at(`${id}-error`);
  line.textContent = text;
  line.hidden = !text;
  if (text) at(id).setAttribute("aria-invalid", "true");
  else at(id).removeAttribute("aria-invalid");
}

/** Show `text` under the field `id` and go there; or above the form, where there is no such field. */
export function complain(id, text) {
  if (id && at(`${id}-error`)) {
    mark(id, text);
    at(id).focus();
    return;
  }
  at("problem-said").textContent = text;
  at("problem").hidden = false;
}

/** Show no problem. */
export function clear() {
  at("problem").hidden = true;
  for (const line of document.querySelectorAll(".field .error")) mark(line.id.replace("-error", ""), "");
}

/** The eye beside the password. */
export function showable() {
  const button = at("show");
  const icon = button.querySelector("use");
  const set = (shown) => {
    at("password").type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("title", t(shown ? "entry.hide" : "entry.show"));
    icon.setAttribute("href", icon.getAttribute("href").replace(/#.*/, shown ? "#eye-off" : "#eye"));
  };
  button.addEventListener("click", () => set(at("password").type === "password"));
  return () => set(false);
}

function count(button, label, seconds) {
  button.disabled = true;
  const until = Date.now() + seconds * 1000;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? t("entry.wait", { n: left }) : label;
    if (left > 0) setTimeout(tick, 250);
  };
  tick();
}

/**
 * Have the form, which by itself sends nothing anywhere (`method="dialog"`: no password ever stands in an address, also
 * where this script has not come), call `check()` (which complains and returns null, or returns what to send) and `send(it)`.
 * `fields` says under which field an error's code belongs; others go by `param`, or above the form.
 */
export function submitting(check, send, fields = {}) {
  const form = at("form");
  const button = at("submit");
  const label = button.textContent;
  const hide = showable();
  for (const input of form.querySelectorAll("input")) {
    input.addEventListener("input", () => at(`${input.id}-error`) && mark(input.id, ""));
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    clear();
    const wanted = check();
    if (wanted === null) return;
    hide(); // password managers look for a field of that type when the page is left
    button.disabled = true;
    button.textContent = t("entry.busy");
    let wait = 0;
    try {
      await send(wanted);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const byParam = error.code === "invalid_value" && ["name", "password", "invite"].includes(error.param);
      complain(fields[error.code] ?? (byParam ? error.param : null), fieldWords(error, byParam));
      wait = error.wait ?? 0;
    } finally {
      count(button, label, wait);
    }
  });
}

function fieldWords(error, byParam) {
  const key = `entry.${error.param}_bad`;
  const words = byParam ? t(key) : key;
  return words === key ? error.words : words;
}
