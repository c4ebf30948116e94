/** Programs that ask a model here, with address, key and model filled in. Text alone: no DOM, no network. */

/** What stands where there is no key to show. */
export const NO_KEY = "sk-tg-…";

const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const quoted = (text) => JSON.stringify(text);

/** `{curl, python, js}`: each a whole program. `address` ends with /v1, `said` is the question. */
export function snippets({ address, key, model, said }) {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: said }], stream: true });
  return {
    curl: [
      `curl -N ${shell(`${address}/chat/completions`)} \\`,
      `  -H ${shell(`Authorization: Bearer ${key}`)} \\`,
      `  -H 'Content-Type: application/json' \\`,
      `  -d ${shell(body)}`,
    ].join("\n"),
    python: `from openai import OpenAI

client = OpenAI(base_url=${quoted(address)}, api_key=${quoted(key)})
stream = client.chat.completions.create(
    model=${quoted(model)},
    messages=[{"role": "user", "content": ${quoted(said)}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()`,
    js: `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${quoted(address)}, apiKey: ${quoted(key)} });
const stream = await client.chat.completions.create({
  model: ${quoted(model)},
  messages: [{ role: "user", content: ${quoted(said)} }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}`,
  };
}

/**
 * What other programs ask for, by their names: `{name, address}`. NextChat and Cherry Studio add `/v1` themselves
 * (their documentation), LobeChat wants it.
 */
export function programs(address) {
  const root = address.replace(/\/v1$/, "");
  return [
    { name: "NextChat", address: root },
    { name: "LobeChat", address },
    { name: "Cherry Studio", address: root },
  ];
}
