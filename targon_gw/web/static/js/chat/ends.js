/** How an answer ended, in words, and what can be done about it. Decides; shows nothing. */

/** Words by code, where `t` has some; else the message, else the words for what is unknown. */
export function wordsOf(end, t) {
  const key = `error.${end.code}`;
  const words = end.code ? t(key, { message: end.message ?? "" }) : key;
  if (words !== key) return words;
  return end.message || t(end.status ? "error.http" : "error.unknown", { status: end.status });
}

/**
 * What to show of `end`: null where nothing has to be, else `{tone, title, words, does}`. `tone` is info | warn | bad;
 * `does` has some of: `retry`, `more` (write on), `key` (fetch the key anew), `join` (register or sign in).
 * `said`: whether there are any words; `guest`: whether nobody is signed in.
 */
export function noticeOf(end, { t, said, guest }) {
  switch (end?.kind) {
    case "limit":
      return { tone: "info", title: t("end.limit"), words: "", does: said ? ["more"] : ["retry"] };
    case "filtered":
      return { tone: "warn", title: t("end.filtered"), words: "", does: [] };
    case "stopped":
      return { tone: "info", title: t("end.stopped"), words: "", does: said ? [] : ["retry"] };
    case "elsewhere":
      return { tone: "info", title: t("end.elsewhere"), words: "", does: [] };
    case "cut":
      return { tone: "bad", title: t(said ? "end.cut" : "end.failed"), words: wordsOf(end, t), does: ["retry"] };
    case "unreachable":
      return { tone: "bad", title: t("end.unreachable"), words: t("error.network"), does: ["retry"] };
    case "refused":
      return refused(end, t, guest);
    case "served":
      return said ? null : { tone: "info", title: t("end.nothing"), words: "", does: [] };
    default:
      return null;
  }
}

function refused(end, t, guest) {
  const limited = end.status === 429;
  if (guest && (limited || end.status === 401 || end.code === "model_not_allowed")) {
    const title = t(end.status === 401 ? "join.needed" : limited ? "join.used" : "join.model");
    const waits = end.code === "rate_limit_exceeded" ? ["retry"] : [];
    return { tone: "join", title, words: limited ? wordsOf(end, t) : "", does: ["join", ...waits] };
  }
  if (end.code === "not_signed_in") return { tone: "join", title: t("join.ended"), words: "", does: ["join"] };
  const does = end.status === 401 ? ["key"] : ["retry"];
  return { tone: limited ? "warn" : "bad", title: t("end.refused"), words: wordsOf(end, t), does };
}

/** Whether trying again by itself can help: what is wrong with the question stays wrong. */
export function mayHelp(end) {
  return !(end.kind === "refused" && [400, 403, 404, 413, 422].includes(end.status));
}
