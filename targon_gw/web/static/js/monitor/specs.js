// The four charts: which columns of a series each one draws, in which colour, and in which unit it speaks.
//
// What `flows` is a rate of something that is counted. Colours are custom properties of monitor.css, so that the theme decides; lines that share a chart differ by their
// dashes too.

import { CLASSES, stacked } from "./points.js";

const SHOWN = CLASSES.filter((name) => name !== "retried");

export const CHARTS = {
  calls: {
    unit: "rate", least: 1, flows: true,
    lines: [{ word: "line.calls", colour: "--line-a", fill: true, column: (series) => series.calls }],
  },
  errors: {
    // Failures stand upon each other; what was made good elsewhere is no failure, and a line of its own.
    unit: "rate", least: 0.2, flows: true, bars: true,
    lines: [
      ...SHOWN.map((name) => ({ word: `line.${name}`, colour: `--bar-${name}`, column: (series) => series.errors[name] })),
      { word: "line.retried", colour: "--line-retried", dash: [5, 4], plain: true, column: (series) => series.errors.retried },
    ],
  },
  first: {
    unit: "seconds", least: 1,
    lines: [
      { word: "line.p50", colour: "--line-a", column: (series) => series.first_p50 },
      { word: "line.p95", colour: "--line-b", dash: [6, 4], column: (series) => series.first_p95 },
    ],
  },
  tokens: {
    unit: "count", least: 100, flows: true,
    lines: [{ word: "line.tokens", colour: "--line-c", fill: true, column: (series) => series.tokens }],
  },
};

// The columns as they are, one a line: what legends and tables tell.
export function columnsOf(spec, series) {
  return spec.lines.map((line) => line.column(series));
}

// The columns as they are drawn, in drawing order: of bars that stand upon each other, the tallest first.
export function heightsOf(spec, columns) {
  if (!spec.bars) return columns;
  const standing = columns.filter((_, index) => !spec.lines[index].plain);
  return [...stacked(standing).reverse(), ...columns.filter((_, index) => spec.lines[index].plain)];
}

// The lines in drawing order.
export function drawingOrder(spec) {
  if (!spec.bars) return spec.lines;
  return [...spec.lines.filter((line) => !line.plain).reverse(), ...spec.lines.filter((line) => line.plain)];
}
