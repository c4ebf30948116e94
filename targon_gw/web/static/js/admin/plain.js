// Settings as text that reads like the files: YAML, as far as plain values need it.

const BARE = /^[A-Za-z][A-Za-z0-9_./-]*$/;
const WORDS = new Set(["true", "false", "null", "yes", "no", "on", "off", "y", "n"]);
export const MOST = 200;

function scalar(value) {
  if (value === null) return "null";
  if (typeof value !== "string") return String(value);
  const bare = BARE.test(value) && !WORDS.has(value.toLowerCase());
  return bare || /^\d+(\.\d+)?(ms|s|m|h|d|B|KiB|MiB|GiB|%)$/.test(value) ? value : JSON.stringify(value);
}

const isPlain = (value) => value === null || typeof value !== "object";
const isEmpty = (value) => Object.keys(value).length === 0;

// The lines of `value`; of a list at most `most` entries, and how many more there are.
export function linesOf(value, most = MOST, indent = "") {
  if (isPlain(value)) return [indent + scalar(value)];
  if (isEmpty(value)) return [indent + (Array.isArray(value) ? "[]" : "{}")];
  if (Array.isArray(value)) {
    if (value.every(isPlain) && value.length <= 8) return [`${indent}[${value.map(scalar).join(", ")}]`];
    const lines = value.slice(0, most).flatMap((each) => {
      const [first, ...rest] = linesOf(each, most, `${indent}  `);
      return [`${indent}- ${first.trimStart()}`, ...rest];
    });
    return value.length > most ? [...lines, `${indent}# … +${value.length - most}`] : lines;
  }
  return Object.entries(value).flatMap(([name, each]) => {
    if (isPlain(each)) return [`${indent}${name}: ${scalar(each)}`];
    const inline = isEmpty(each) || (Array.isArray(each) && each.every(isPlain) && each.length <= 8);
    return inline ? [`${indent}${name}: ${linesOf(each, most)[0]}`] : [`${indent}${name}:`, ...linesOf(each, most, `${indent}  `)];
  });
}

// The parts that the settings are shown in: single values together, each of the rest by itself.
export function partsOf(settings) {
  const single = {};
  const parts = [];
  for (const [name, value] of Object.entries(settings)) {
    if (isPlain(value) || (Array.isArray(value) && value.every(isPlain))) single[name] = value;
    else parts.push({ name, value, size: Array.isArray(value) ? value.length : null });
  }
  return [{ name: "", value: single, size: null }, ...parts];
}

// Whether a line of `text` has all of `words`.
export function found(text, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return text.some((line) => wanted.every((word) => line.toLowerCase().includes(word)));
}
