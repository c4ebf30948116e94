// The last hour of a model as a strip of 60 cells; each says its figures when it is pointed at, by mouse or by arrow key.

import { html, svg } from "../../vendor/lit-html/lit-html.js";
import { clock, percent } from "../format.js";
import { t } from "../words.js";
import { CELLS, cellsOf, levelOf, moved } from "./cells.js";

const WIDE = 4; // of a cell's 5 units of width, the rest is air
const TALL = 20;

// `chosen` is {id, index} of the cell that is pointed at, `choose(id, index or null)` is told of another.
export function strip(model, now, chosen, choose) {
  const cells = cellsOf(model.cells, now);
  const index = chosen.id === model.id ? chosen.index : null;
  const at = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(CELLS - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * CELLS)));
  };
  const pressed = (event) => {
    const to = event.key === "Escape" ? null : moved(index, event.key);
    if (to === null && event.key !== "Escape") return;
    event.preventDefault();
    choose(model.id, to);
  };
  const shown = index === null ? null : wordsOf(cells[index]);
  return html`<div class="strip-place">
    <svg class="strip" viewBox="0 0 ${CELLS * 5} ${TALL}" preserveAspectRatio="none" tabindex="0" role="slider"
      aria-label=${t("cells.label", { model: model.id })} aria-valuemin="0" aria-valuemax=${CELLS - 1}
      aria-valuenow=${index ?? CELLS - 1} aria-valuetext=${shown ?? summary(cells)}
      @pointermove=${(event) => choose(model.id, at(event))} @pointerleave=${() => choose(model.id, null)}
      @keydown=${pressed} @blur=${() => choose(model.id, null)}>
      ${cells.map((cell, number) => drawnCell(cell, number, number === index))}
    </svg>
    <span class="strip-tip" ?hidden=${shown === null} aria-hidden="true">${shown ?? ""}</span>
  </div>`;
}

// Failures are told by a notch in the cell's height as well as by its colour.
function drawnCell([, calls, failed], number, pointed) {
  const level = levelOf(calls, failed);
  const height = { none: TALL * 0.3, ok: TALL, some: TALL * 0.8, bad: TALL * 0.55 }[level];
  return svg`<rect class="cell ${level}${pointed ? " pointed" : ""}" x=${number * 5} width=${WIDE} y=${TALL - height}
    height=${height} rx="1"></rect>`;
}

function wordsOf([at, calls, failed]) {
  const time = clock(at, { seconds: false });
  if (!calls) return t("cells.none", { time });
  return failed ? t("cells.failed", { time, calls, failed }) : t("cells.ok", { time, n: calls });
}

function summary(cells) {
  const calls = cells.reduce((sum, cell) => sum + cell[1], 0);
  const failed = cells.reduce((sum, cell) => sum + cell[2], 0);
  return calls ? t("cells.summary", { calls, failed, share: percent(1 - failed / calls) }) : t("cells.quiet");
}
