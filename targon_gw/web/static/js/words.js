/* The reader's words. The server puts those of the page and of the shell into `#words`, in one language. */

const words = Object.assign(Object.create(null), JSON.parse(document.getElementById("words").textContent));

/** "zh" or "en". */
export const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

/**
 * The words for `key`, with `{name}` replaced by `values.name`. Where `values.n` is 1 and there are words for
 * `KEY.one`, those. A key that there is not comes back as it is, so that it is seen.
 */
export function t(key, values = {}) {
  const text = (values.n === 1 ? words[`${key}.one`] : undefined) ?? words[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}

/** The words for an error's code; `message`, which is English and the server's, where there are none or as they say. */
export function say(code, message) {
  const known = words[`error.${code}`] ?? (message ? "{message}" : words["error.unknown"]);
  return known.replace("{message}", () => message ?? "");
}
