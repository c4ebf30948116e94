// Small signs that several parts of the page show: icons, and states as a word with its icon.

import { html } from "../../vendor/lit-html/lit-html.js";
import { t } from "../words.js";

const ICONS = new URL("../../img/icons.svg", import.meta.url).pathname;

const STATES = {
  ok: ["ok", "ok-dot"], degraded: ["warn", "warning"], down: ["bad", "cross"],
  available: ["ok", "ok-dot"], unavailable: ["bad", "cross"],
  usable: ["ok", "ok-dot"], cooling: ["warn", "clock"], exhausted: ["bad", "minus"], barred: ["bad", "cross"],
  ready: ["ok", "ok-dot"], trial: ["warn", "clock"], suspect: ["warn", "warning"],
  disabled: ["off", "pause"], draining: ["off", "sign-out"],
  served: ["ok", "check"], refused: ["warn", "stop"], failed: ["bad", "cross"], truncated: ["bad", "warning"],
  abandoned: ["off", "sign-out"],
};

// An icon of the sprite; it says nothing to who can't see it.
export function icon(name, small = false) {
  return html`<svg class=${small ? "icon small" : "icon"} aria-hidden="true"><use href=${`${ICONS}#${name}`}></use></svg>`;
}

// A state by word and icon; `words` in the place of the state's own.
export function badge(state, words = t(`state.${state}`)) {
  const [tone, sign] = STATES[state] ?? ["off", "info"];
  return html`<span class=${`badge ${tone}`}>${icon(sign, true)}${words}</span>`;
}
