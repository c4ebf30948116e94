// One chart on its card: uPlot draws it, the legend says the figures under the cursor in text, a table has all of them.
//
// The four share one cursor. The keyboard moves it too: the plot is a slider along time, whose value is read out.

import uPlot from "../../vendor/uplot/uPlot.esm.js";
import { clock, count, duration, rate } from "../format.js";
import { t } from "../words.js";
import { SPANS, drawn, lonely, newest, slid } from "./points.js";
import { columnsOf, drawingOrder, heightsOf } from "./specs.js";
import { tableOf } from "./tables.js";
import { topOf } from "./units.js";

const FIGURES = { rate, seconds: duration, count };
const LEAST_HEIGHT = 150;
const SYNC = "monitor";
const FILL = 0.14; // how much of its colour a line has below it

export class Chart {
  constructor(card, name, spec) {
    this.name = name;
    this.spec = spec;
    this.figure = FIGURES[spec.unit];
    this.series = null;
    this.columns = [];
    this.card = card;
    this.plot = card.querySelector(".plot");
    this.table = card.querySelector(".plot-table");
    this.note = card.querySelector(".plot-note");
    this.values = [...card.querySelectorAll(".legend .value")];
    this.at = card.querySelector(".legend-at");
    this.toggle = card.querySelector(".as-table");
    this.toggle.addEventListener("click", () => this.#turn());
    this.plot.addEventListener("keydown", (event) => this.#pressed(event));
    this.plot.addEventListener("blur", () => this.#leave());
    this.u = null;
    this.observer = new ResizeObserver(() => this.#fit());
    this.observer.observe(this.plot);
  }

  // Draw `series` as far as `until`; it is `now`, Unix seconds.
  draw(series, until, now) {
    this.series = series;
    this.until = until;
    this.now = now;
    this.columns = columnsOf(this.spec, series);
    if (this.spec.flows) this.columns = this.columns.map((column) => slid(series, column, now));
    const figures = drawn(series, heightsOf(this.spec, this.columns));
    if (this.u === null) {
      if (this.plot.clientWidth === 0) return; // shown as a table: drawn when it is turned back
      this.u = new uPlot(this.#options(), figures, this.plot);
    } else {
      this.u.setData(figures);
    }
    this.#say();
    this.#annotate();
    if (!this.table.hidden) this.#fill();
  }

  // The theme is another one: the same figures in its colours.
  redraw() {
    this.u?.redraw(false, true);
  }

  #options() {
    const { spec } = this;
    const bars = uPlot.paths.bars({ size: [0.82, 28], align: 0 });
    return {
      ...this.#size(),
      padding: [10, 12, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: SYNC }, y: false, drag: { x: false, y: false }, points: { size: 7, width: 1.5, show: !spec.bars } },
      scales: {
        x: { time: true, range: () => [this.until - SPANS[this.series.span], this.until] },
        y: { range: (_, __, most) => [0, topOf(most, spec.least)] },
      },
      axes: [this.#axis({ space: 70, size: 26, values: (_, moments) => moments.map((at) => clock(at, { seconds: false })) }),
        this.#axis({ space: 34, size: 58, values: (_, figures) => figures.map((each) => this.figure(each)) })],
      series: [{}, ...drawingOrder(spec).map((line) => this.#line(line, spec.bars && !line.plain ? bars : undefined))],
      hooks: { setCursor: [() => this.#say()] },
    };
  }

  #axis(own) {
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    return { stroke: colour("--muted"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, gap: 6, font, ...own };
  }

  #line(line, bars) {
    const stroke = colour(line.colour);
    const filled = () => translucent(stroke(), FILL);
    return {
      stroke, width: bars ? 0 : 1.75, dash: line.dash, paths: bars, spanGaps: false,
      fill: bars ? stroke : line.fill ? filled : undefined,
      points: bars ? { show: false } : { show: true, size: 4, fill: stroke, filter: (u, index) => lonely(u.data[index]) },
    };
  }

  #size() {
    return { width: Math.max(120, this.plot.clientWidth), height: Math.max(LEAST_HEIGHT, this.plot.clientHeight) };
  }

  #fit() {
    if (this.plot.clientWidth === 0) return;
    if (this.u === null && this.series) this.draw(this.series, this.until, this.now);
    else if (this.u) {
      const { width, height } = this.#size();
      if (this.u.width !== width || this.u.height !== height) this.u.setSize({ width, height });
    }
  }

  // The legend: the figures under the cursor, or the newest.
  #say() {
    if (this.series === null) return;
    const index = this.#pointed();
    this.at.textContent = index === null ? "" : clock(this.series.t[index]);
    this.columns.forEach((column, number) => {
      this.values[number].textContent = this.figure(index === null ? newest(column) : column[index]);
    });
    this.#tell(index ?? this.series.t.length - 1);
  }

  // The moment under the cursor, as an index of the series; null where it is not on the plot.
  #pointed() {
    const drawnAt = this.u?.cursor.idx;
    if (drawnAt === null || drawnAt === undefined) return null;
    const index = this.series.t.indexOf(this.u.data[0][drawnAt]);
    return index < 0 ? null : index;
  }

  #tell(index) {
    const { plot, series } = this;
    if (index < 0 || document.activeElement !== plot) return;
    const figures = this.spec.lines.map((line, number) => `${t(line.word)} ${this.figure(this.columns[number][index])}`);
    plot.setAttribute("aria-valuemax", String(series.t.length - 1));
    plot.setAttribute("aria-valuenow", String(index));
    plot.setAttribute("aria-valuetext", `${clock(series.t[index])}: ${figures.join(", ")}`);
  }

  #annotate() {
    const any = this.columns.some((column) => newest(column) !== null);
    const failures = this.spec.bars && this.columns.some((column) => column.some((each) => each > 0));
    this.note.textContent = any ? (this.spec.bars && !failures ? t("note.no_errors") : "") : t("note.no_figures");
  }

  #pressed(event) {
    if (this.u === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.series.t.length - 1;
    const from = this.#pointed() ?? last + 1;
    const far = Math.max(1, Math.round(last / 10));
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, PageDown: from - far, PageUp: from + far, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.#leave();
    if (to === undefined || last < 0) return;
    event.preventDefault();
    const left = this.u.valToPos(this.series.t[Math.min(last, Math.max(0, to))], "x");
    this.u.setCursor({ left: Math.max(0, left), top: 10 }, true, true);
  }

  #leave() {
    this.u?.setCursor({ left: -10, top: -10 }, true, true);
  }

  // Plot or table.
  #turn() {
    const shown = this.table.hidden;
    this.table.hidden = !shown;
    this.plot.hidden = shown;
    this.note.hidden = shown;
    this.toggle.setAttribute("aria-pressed", String(shown));
    if (shown) this.#fill();
    else if (this.series) this.draw(this.series, this.until, this.now);
  }

  #fill() {
    const body = this.table.querySelector("tbody");
    const rows = this.series === null ? [] : tableOf(this.series, this.columns);
    body.replaceChildren(...rows.map(([at, ...figures]) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = clock(at);
      row.append(head, ...figures.map((figure) => {
        const cell = document.createElement("td");
        cell.textContent = this.figure(figure);
        return cell;
      }));
      return row;
    }));
  }
}

// A colour of the theme, looked up each time that it is drawn with.
function colour(name) {
  return () => getComputedStyle(document.getElementById("monitor")).getPropertyValue(name).trim();
}

function translucent(hex, share) {
  const alpha = Math.round(share * 255).toString(16).padStart(2, "0");
  return /^#[0-9a-f]{6}$/i.test(hex) ? hex + alpha : hex;
}
