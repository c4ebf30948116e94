/* Figures as people read them, in the page's language. What is null or no number is "—". */

import { lang } from "./words.js";

const NONE = "—";
const locale = lang === "zh" ? "zh-CN" : "en";
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const UNITS = lang === "zh" ? [[1e8, "亿"], [1e4, "万"]] : [[1e9, "B"], [1e6, "M"], [1e3, "k"]];

function isFigure(n) {
  return typeof n === "number" && Number.isFinite(n);
}

/** Three digits that count, rounded down, so that nothing is shown as more than it is. */
function short(n) {
  const places = n < 10 ? 2 : n < 100 ? 1 : 0;
  const scale = 10 ** places;
  return String(Math.floor(n * scale + 1e-9) / scale);
}

/** 9,999 in full; then 41.2万 or 41.2k. */
export function count(n) {
  if (!isFigure(n)) return NONE;
  if (Math.abs(n) < 10000) return whole.format(Math.trunc(n));
  const [size, unit] = UNITS.find(([size]) => Math.abs(n) >= size);
  return `${n < 0 ? "-" : ""}${short(Math.abs(n) / size)}${unit}`;
}

/** All digits, grouped. */
export function number(n) {
  return isFigure(n) ? whole.format(n) : NONE;
}

/** A rate or another small figure: 0.4, 12.3, 412. */
export function rate(n) {
  if (!isFigure(n)) return NONE;
  if (n >= 1000) return count(n);
  return n === 0 ? "0" : n < 0.01 ? "<0.01" : short(n);
}

/** A share between 0 and 1; never rounded up to 100 %. */
export function percent(share, places = 2) {
  if (!isFigure(share)) return NONE;
  const scale = 10 ** places;
  return `${Math.floor(share * 100 * scale + 1e-9) / scale}%`;
}

const SPANS = lang === "zh" ? { d: " 天", h: " 小时", m: " 分", s: " 秒", ms: " 毫秒" } : { d: " d", h: " h", m: " min", s: " s", ms: " ms" };

/** Seconds: 41 ms, 0.38 s, 12.3 s, 2 min 5 s, 3 h 20 min, 4 d 2 h. */
export function duration(seconds) {
  if (!isFigure(seconds)) return NONE;
  const s = Math.max(0, seconds);
  if (s > 0 && s < 0.1) return `${Math.max(1, Math.round(s * 1000))}${SPANS.ms}`;
  if (s < 60) return `${short(s)}${SPANS.s}`;
  const pairs = [["d", 86400, "h", 3600], ["h", 3600, "m", 60], ["m", 60, "s", 1]];
  const [large, size, little, unit] = pairs.find(([, size]) => s >= size);
  const rest = Math.floor((s % size) / unit);
  return `${Math.floor(s / size)}${SPANS[large]}${rest ? ` ${rest}${SPANS[little]}` : ""}`;
}

const times = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minutes = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dates = new Intl.DateTimeFormat(locale, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** The time of day of a Unix time, in the reader's zone: 21:44:07, or 21:44 without seconds. */
export function clock(unix, { seconds = true } = {}) {
  return isFigure(unix) ? (seconds ? times : minutes).format(unix * 1000) : NONE;
}

/** Date and time of day. */
export function date(unix) {
  return isFigure(unix) ? dates.format(unix * 1000) : NONE;
}

const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

/** "3 minutes ago", "in 20 seconds". */
export function ago(unix, now = Date.now() / 1000) {
  if (!isFigure(unix)) return NONE;
  const past = unix - now;
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(past) >= size) return relative.format(Math.trunc(past / size), unit);
  }
  return relative.format(Math.trunc(past), "second");
}

/** Micro-dollars, as dollars. */
export function usd(micros) {
  if (!isFigure(micros)) return NONE;
  const dollars = micros / 1e6;
  return `$${dollars >= 1 || dollars === 0 ? dollars.toFixed(2) : dollars.toPrecision(2)}`;
}
