/** The history by day, and what is looked for in it. Days are the reader's own, not UTC's. */

const DAYS = [
  ["today", 0],
  ["yesterday", 1],
  ["week", 7],
  ["month", 30],
];

/** Whole days from the day of `at` to that of `now`, both milliseconds; negative where `at` is yet to come. */
export function daysBetween(at, now) {
  const [then, today] = [new Date(at), new Date(now)];
  // Noon to noon: a day in which the clocks are put forward has 23 hours.
  const noon = (day) => new Date(day.getFullYear(), day.getMonth(), day.getDate(), 12).getTime();
  return Math.round((noon(today) - noon(then)) / 86_400_000);
}

/**
 * `threads` in groups, newest first: `[{name, year, month, threads}]`. `name` is today | yesterday | week | month, or
 * `older`, and then `year` and `month` (1–12) say which.
 */
export function groupByDay(threads, now) {
  const groups = [];
  for (const thread of [...threads].sort((a, b) => b.updated - a.updated)) {
    const group = groupOf(thread.updated, now);
    const last = groups[groups.length - 1];
    if (last && last.name === group.name && last.year === group.year && last.month === group.month) {
      last.threads.push(thread);
    } else {
      groups.push({ ...group, threads: [thread] });
    }
  }
  return groups;
}

function groupOf(at, now) {
  const days = daysBetween(at, now);
  const found = DAYS.find(([, most]) => days <= most);
  if (found) return { name: found[0], year: null, month: null };
  const day = new Date(at);
  return { name: "older", year: day.getFullYear(), month: day.getMonth() + 1 };
}

/** `text` as it is compared: width, case and accents' spelling do not count. */
export function folded(text) {
  return text.normalize("NFKC").toLowerCase();
}

/** Whether every word of `query` stands in `text`, wherever. */
export function matches(text, query) {
  const inside = folded(text);
  return folded(query)
    .split(/\s+/)
    .every((word) => inside.includes(word));
}
