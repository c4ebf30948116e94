/* Figures of the catalog, without a document. */

/** 131072 → "131K": thousands of tokens, rounded down, as vendors write contexts. */
export function thousands(tokens) {
  return tokens >= 1000 ? `${Math.floor(tokens / 1000)}K` : String(tokens);
}

/** US dollars with two places, or as many as a small price needs, four at most. */
export function dollars(price) {
  const short = price.toFixed(4).replace(/0{1,2}$/, "");
  return `$${short}`;
}

/** The least and the most of the contexts and prices of `models`, as `{context, price}`; null where there are none. */
export function ranges(models) {
  const contexts = models.map((model) => model.context).filter(Boolean);
  const prices = models.flatMap((model) => (model.price ? [model.price.prompt, model.price.completion] : []));
  if (!contexts.length || !prices.length) return null;
  return { context: span(contexts, thousands), price: span(prices, String) };
}

function span(values, written) {
  const [least, most] = [written(Math.min(...values)), written(Math.max(...values))];
  return least === most ? least : `${least} – ${most}`;
}

/**
 * The model that the snippets ask where nobody has chosen: the first that `may` be asked and can be served now, else the
 * first that may. Embeddings are no chats. "" where there is none.
 */
export function first(models, may = () => true) {
  const able = models.filter((model) => model.kind !== "embedding" && may(model));
  return (able.find((model) => model.state === "available") ?? able[0])?.id ?? "";
}
