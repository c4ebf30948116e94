/** Which models there are to talk to, in what order, and which one is meant. Pure: of the answer of /api/models. */

const KINDS = ["reasoning", "chat", "coding"];

/** The models that chat, in groups `{kind, models}`; kinds that are not known come last. */
export function grouped(models) {
  const chatting = models.filter((model) => model.kind !== "embedding");
  const kinds = [...new Set([...KINDS, ...chatting.map((model) => model.kind)])];
  return kinds
    .map((kind) => ({ kind, models: chatting.filter((model) => model.kind === kind) }))
    .filter((group) => group.models.length);
}

/** Whether a reader may ask `model`: a guest those that are for guests. */
export function allowed(model, guest) {
  return !guest || model.anonymous !== false;
}

/**
 * The id of the model to begin with: the first of `wishes` (ids or null) that there is, else the first that may be asked
 * and is well, else the first that may be asked; null where there is none.
 */
export function chosen(models, wishes, guest) {
  const open = grouped(models)
    .flatMap((group) => group.models)
    .filter((model) => allowed(model, guest));
  const wished = wishes.find((id) => id && open.some((model) => model.id === id));
  return wished ?? (open.find((model) => model.state === "available") ?? open[0])?.id ?? null;
}

/** 163840 → "160K", 1000000 → "1M": contexts are told in powers of two where they are some. */
export function contextOf(tokens) {
  if (!Number.isFinite(tokens) || tokens <= 0) return null;
  const size = tokens % 1024 === 0 ? 1024 : 1000;
  const thousands = tokens / size;
  return thousands >= 1000 ? `${trimmed(thousands / (size === 1024 ? 1024 : 1000))}M` : `${trimmed(thousands)}K`;
}

function trimmed(value) {
  return String(Math.round(value * 10) / 10);
}
