/** A menu that opens at a button, over everything: Esc, a click elsewhere and leaving it by Tab close it. */

const EDGE = 8;

/**
 * Open `panel`, a popover with role menu, at `button`; `above` puts it over the button where there is room. The focus
 * goes to what is checked, or to the first; the arrow keys go through what can be chosen.
 */
export function openAt(button, panel, { above = false, width = null } = {}) {
  panel.showPopover({ source: button });
  place(button, panel, above, width);
  button.setAttribute("aria-expanded", "true");
  const all = choices(panel);
  (panel.querySelector('[aria-checked="true"]:not([disabled])') ?? all[0])?.focus();
  const closed = (event) => {
    if (event.newState !== "closed") return;
    panel.removeEventListener("toggle", closed);
    panel.removeEventListener("keydown", step);
    panel.removeEventListener("focusout", left);
    button.setAttribute("aria-expanded", "false");
  };
  panel.addEventListener("toggle", closed);
  panel.addEventListener("keydown", step);
  panel.addEventListener("focusout", left);
}

function choices(panel) {
  return [...panel.querySelectorAll("button:not([disabled]), a[href]")].filter((each) => each.offsetParent !== null);
}

function step(event) {
  const panel = event.currentTarget;
  const all = choices(panel);
  const at = all.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined || !all.length) return;
  event.preventDefault();
  all.at(to % all.length).focus();
}

function left(event) {
  const panel = event.currentTarget;
  if (event.relatedTarget && !panel.contains(event.relatedTarget)) panel.hidePopover();
}

function place(button, panel, above, width) {
  const at = button.getBoundingClientRect();
  const { style } = panel;
  style.width = width ? `${Math.min(width, innerWidth - 2 * EDGE)}px` : "";
  style.maxHeight = "";
  const tall = panel.offsetHeight;
  const roomBelow = innerHeight - at.bottom - 2 * EDGE;
  const up = (above && at.top > roomBelow) || (tall > roomBelow && at.top > roomBelow);
  style.maxHeight = `${Math.max(120, up ? at.top - 2 * EDGE : roomBelow)}px`;
  style.left = `${Math.max(EDGE, Math.min(at.left, innerWidth - panel.offsetWidth - EDGE))}px`;
  style.top = up ? "" : `${at.bottom + 4}px`;
  style.bottom = up ? `${innerHeight - at.top + 4}px` : "";
}
