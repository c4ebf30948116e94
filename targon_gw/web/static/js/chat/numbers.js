/** Figures that a reader types, and figures that are read: pure. */

/** What may be asked of a model beside the words; `step` 1 means whole numbers. */
export const ASKED = [
  { name: "temperature", min: 0, max: 2, step: 0.1 },
  { name: "top_p", min: 0, max: 1, step: 0.05 },
  { name: "max_tokens", min: 1, max: 1_000_000, step: 1 },
];

/** `text` as a number within `limits`; null where it is empty; undefined where it will not do. */
export function numberIn(text, { min, max, step }) {
  if (!text.trim()) return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value < min || value > max) return undefined;
  return step === 1 && !Number.isInteger(value) ? undefined : value;
}

/** How much of a quota is gone, between 0 and 1; what is set aside for running calls counts as gone. */
export function goneOf({ limit, used, held }) {
  return limit > 0 ? Math.min(1, Math.max(0, (used + (held ?? 0)) / limit)) : 1;
}
