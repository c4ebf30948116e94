// The figures behind the four charts: what the server kept, and what it tells as it happens.
//
// A series is as long as its span and never longer, however long the page is open. A moment that nobody told of stays
// a gap: nothing is drawn across it and nothing is made up for it.

export const SPANS = { "15m": 900, "1h": 3600, "24h": 86400 };
export const CLASSES = ["caller", "limited", "upstream", "unavailable", "cut", "retried"];
const PLAIN = ["calls", "tokens", "first_p50", "first_p95"];

// The series of an answer of GET /api/monitor; arrays that came short are filled up with gaps.
export function seriesOf(history) {
  const t = history.t.slice();
  const long = (given) => t.map((_, index) => given?.[index] ?? null);
  const series = { span: history.span, step: history.step, t, errors: {} };
  for (const name of PLAIN) series[name] = long(history[name]);
  for (const name of CLASSES) series.errors[name] = long(history.errors?.[name]);
  return series;
}

// Put a live point in its place: "same" (it is still filling), "next", "gap" (moments in between were not told), or
// "old", which changes nothing.
export function merge(series, point) {
  const last = series.t.length - 1;
  if (last < 0 || point.t > series.t[last]) {
    const found = last < 0 || point.t <= series.t[last] + series.step * 1.5 ? "next" : "gap";
    put(series, last + 1, point);
    trim(series);
    return found;
  }
  const index = series.t.lastIndexOf(point.t);
  if (index < 0 || index < last - 1) return "old";
  put(series, index, point);
  return "same";
}

function put(series, index, point) {
  series.t[index] = point.t;
  for (const name of PLAIN) series[name][index] = point[name] ?? null;
  for (const name of CLASSES) series.errors[name][index] = point.errors?.[name] ?? null;
}

function trim(series) {
  const from = series.t[series.t.length - 1] - SPANS[series.span];
  let many = 0;
  while (series.t[many] <= from) many += 1;
  if (!many) return;
  for (const each of [series.t, ...PLAIN.map((name) => series[name]), ...Object.values(series.errors)]) {
    each.splice(0, many);
  }
}

// [t, ...columns] as a chart draws them: where moments are missing, one that has no figures stands for all of them.
export function drawn(series, columns) {
  const t = [];
  const lines = columns.map(() => []);
  series.t.forEach((at, index) => {
    if (index && at > series.t[index - 1] + series.step * 1.5) {
      t.push(series.t[index - 1] + series.step);
      for (const line of lines) line.push(null);
    }
    t.push(at);
    columns.forEach((column, number) => lines[number].push(column[index] ?? null));
  });
  return [t, ...lines];
}

// Columns one upon the other: each is the sum of itself and all before it. A moment without figures has no height.
export function stacked(columns) {
  const sums = [];
  return columns.map((column) =>
    column.map((value, index) => {
      if (value === null) return null;
      sums[index] = (sums[index] ?? 0) + value;
      return sums[index];
    }),
  );
}

// A column of rates whose last moment is still filling at `now`: told as the rate of one whole step up to now, for a
// moment that has only begun says next to nothing by itself.
export function slid(series, column, now) {
  const last = column.length - 1;
  const before = column[last - 1] ?? null;
  const over = Math.min(series.step, Math.max(0, now - series.t[last]));
  if (last < 0 || column[last] === null || before === null || over >= series.step) return column;
  const share = over / series.step;
  return [...column.slice(0, last), before * (1 - share) + column[last] * share];
}

// Which points have a gap on either side: a line does not show them, so a dot must.
export function lonely(column) {
  const alone = [];
  column.forEach((value, index) => {
    if (value !== null && (column[index - 1] ?? null) === null && (column[index + 1] ?? null) === null) {
      alone.push(index);
    }
  });
  return alone;
}

// The last figure of a column that there is, or null.
export function newest(column) {
  for (let index = column.length - 1; index >= 0; index -= 1) if (column[index] !== null) return column[index];
  return null;
}
