/* Colours for code: highlight.js reads it, and what it found is built of elements here, never of markup. */

const VENDOR = "../../vendor/highlight";
const LOADED = new Map();

/** Colour `code`, an element, by a grammar; it stays as it is where the grammar can't be had. */
export async function colour(code, name) {
  const text = code.textContent;
  try {
    const highlighter = await speaking(name);
    if (code.textContent !== text) return; // another snippet stands there by now
    const tree = highlighter.highlight(text, { language: name, ignoreIllegals: true })._emitter.rootNode;
    const parts = nodes(tree);
    const built = document.createDocumentFragment();
    built.append(...parts);
    if (built.textContent === text) code.replaceChildren(built);
  } catch {
    // Code without colours is still code.
  }
}

function nodes(tree) {
  return tree.children.map((child) => {
    if (typeof child === "string") return child;
    const span = document.createElement("span");
    if (child.scope) span.className = classes(child.scope);
    span.append(...nodes(child));
    return span;
  });
}

/** The classes of a scope as highlight.js names them: `title.function` is `hljs-title function_`. */
function classes(scope) {
  const [first, ...rest] = scope.split(".");
  return [`hljs-${first}`, ...rest.map((part, n) => part + "_".repeat(n + 1))].join(" ");
}

function speaking(name) {
  if (!LOADED.has(name)) LOADED.set(name, load(name));
  return LOADED.get(name);
}

async function load(name) {
  const [core, grammar] = await Promise.all([
    import(`${VENDOR}/core.min.js`),
    import(`${VENDOR}/languages/${name}.min.js`),
  ]);
  core.default.registerLanguage(name, grammar.default);
  return core.default;
}
