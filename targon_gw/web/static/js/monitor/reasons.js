// Why something failed or moved, and what it was, in the reader's language. The gateway says it in English, out of a
// closed set of phrases with figures around them; what is not among them stays as it is.

// `{n}` stands for a figure. The words for each are those of `why.NAME`.
export const PHRASES = {
  too_many: "too many requests",
  no_credit: "no credit left",
  no_key: "key not accepted",
  no_model: "model not served",
  caller: "the request's fault",
  callers: "the caller's fault",
  own_fault: "it was the request's own fault",
  filter: "content filter",
  page: "a page, not an answer",
  meaning: "(meaning {n})",
  cut: "the stream was cut",
  before_first: "before its first event",
  was_broken: "the stream was broken",
  was_stalled: "the stream was stalled",
  was_late: "the stream was late",
  after_bytes: "after {n} bytes",
  broken_response: "broken response",
  broken_body: "broken body",
  broken: "broken",
  stalled: "stalled",
  no_first: "no first token in time",
  no_stream: "not a stream of events",
  nothing: "a stream of nothing",
  shape: "not an answer of the shape asked for",
  too_long: "the answer is longer than may be held",
  broken_off: "the attempt was broken off",
  no_connection: "no connection",
  no_descriptor: "no descriptor left",
  left: "client left",
  left_early: "the client left before it had caught up",
  failed: "vendor failed",
  throttled: "throttled",
  alone: "undetermined: nobody to compare with",
  elsewhere: "where another key served",
  alike: "{n} accounts alike and none served",
  alike_too: "others fail alike",
  one_more: "one more is asked",
  limited: "looks like this server's address is limited, or the vendor is full",
  nobodys: "looks like this server's address is limited, or the vendor takes nobody's key",
  trouble: "looks like the vendor's own trouble with its accounts",
  taken_back: "taken back",
  charged: "charged after all: others were served meanwhile",
  served: "a call was served",
  by_hand: "by hand",
  tested: "a test by hand was served",
  off: "switched off in the settings",
  on: "switched on in the settings",
  waited: "waited {n} s for a key",
  differed: "a replay differed",
  rescued: "rescued",
  replay: "replay",
  prefill: "prefill",
};
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
// The longer first: a phrase may hold another.
const ORDER = Object.entries(PHRASES).sort((a, b) => b[1].length - a[1].length);
const ANY = new RegExp(ORDER.map(([, phrase]) => escaped(phrase).replace("\\{n\\}", "([\\d.]+)")).join("|"), "g");
const NUMBERED = ORDER.filter(([, phrase]) => phrase.includes("{n}")).map(([name]) => name);
const PLAIN = new Map(ORDER.map(([name, phrase]) => [phrase, name]));
const WHAT = /^(account|model|upstream) (.+)$/s;

// `say(key, values)` has the words.
export function reasonWords(reason, say) {
  if (!reason) return reason;
  return reason.replace(ANY, (found, ...groups) => {
    const figures = groups.slice(0, NUMBERED.length);
    const which = figures.findIndex((figure) => figure !== undefined);
    return which < 0 ? say(`why.${PLAIN.get(found)}`) : say(`why.${NUMBERED[which]}`, { n: figures[which] });
  });
}

// What a change of health is of: a key's id, `account NAME`, `account NAME for MODEL`, `model MODEL`, `upstream NAME`.
export function whatWords(what, say) {
  const [, kind, rest] = what.match(WHAT) ?? [];
  if (kind === undefined) return what;
  const [name, model] = kind === "account" ? rest.split(" for ") : [rest];
  return model === undefined ? say(`what.${kind}`, { name }) : say("what.leave", { name, model });
}
