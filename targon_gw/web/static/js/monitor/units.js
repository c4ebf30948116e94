// How long until then, and how a share, a word or a figure reads that format.js has no words for.

const SLACK = 0.3; // seconds that our idea of the server's clock may be behind: five minutes begin with 5:00, not 5:01

// What is left of a rest: [word, values] for words.t, or a text of figures alone. Whole seconds, rounded up, never below
// none: 23 s, 4:05, 1:02:03; days from two days on.
export function countdown(until, now) {
  const left = Math.max(0, Math.ceil(until - now - SLACK));
  if (left < 60) return ["left.seconds", { n: left }];
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(left / 3600), Math.floor(left / 60) % 60];
  if (hours >= 48) return ["left.days", { n: Math.floor(hours / 24), hours: hours % 24 }];
  return hours ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
}

// The end of a scale from nought on which `most` has some air above it; `least` where there is next to nothing.
export function topOf(most, least) {
  if (!(most > 0)) return least;
  return Math.max(most * 1.12, least / 10);
}

// A request's id as short as a table has room for: its beginning tells calls apart.
export function shortId(id) {
  return id.length > 14 ? `${id.slice(0, 12)}…` : id;
}
