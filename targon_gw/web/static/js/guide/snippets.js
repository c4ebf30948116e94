/*
 * Every piece of code that the guide shows, in one place, so that tests can run each as its readers will.
 *
 * A snippet is a function of (base, key, model, words): the address that ends in /v1, a key, a model's id, and what is
 * said to the model. No browser is needed here: tests import this file with node.
 */

export const LANGUAGES = ["httpx", "openai", "node", "curl"];

/** How highlight.js calls each language, and what a file of it is called. */
export const GRAMMARS = { httpx: "python", openai: "python", node: "javascript", curl: "bash" };

/** What has to be there first, as one line for a shell; "" where nothing has. */
export const INSTALL = { httpx: "pip install httpx", openai: "pip install openai", node: "npm install openai", curl: "" };

/** What stands where a key or a model is not known yet. */
export const NO_KEY = "YOUR_API_KEY";
export const NO_MODEL = "MODEL_ID";

export const ENGLISH = {
  system: "You are a helpful assistant.",
  hello: "Hello! Please introduce yourself.",
  long: "Tell me how artificial intelligence came about.",
  begun: "The future of artificial intelligence is",
  lines: "one event a line: read lines, not chunks",
  cut: "the answer broke off: it has no [DONE]",
  times: "three more tries",
  waits: "waits as Retry-After says, else 1, 2, 4 seconds",
};

/* The bodies: the code below and "Run" in the page ask the same. */

const messages = (words) => [
  { role: "system", content: words.system },
  { role: "user", content: words.hello },
];

const BODIES = {
  chat: (model, words) => ({ model, messages: messages(words), temperature: 0.7, max_tokens: 1000 }),
  stream: (model, words) => ({ model, messages: [{ role: "user", content: words.long }], stream: true }),
  completion: (model, words) => ({ model, prompt: words.begun, max_tokens: 200, temperature: 0.7, top_p: 0.9 }),
  retry: (model, words) => ({ model, messages: [{ role: "user", content: words.hello }] }),
};

const PATHS = {
  chat: "/chat/completions",
  stream: "/chat/completions",
  completion: "/completions",
  retry: "/chat/completions",
  models: "/models",
  own: "/key",
};

/** The request that the snippet `id` makes: `{method, path, body}`, the path behind /v1, the body an object or null. */
export function request(id, model, words = ENGLISH) {
  const body = BODIES[id]?.(model, words) ?? null;
  return { method: body ? "POST" : "GET", path: PATHS[id], body };
}

/* How each language writes a value. */

/** `text` as one word of a shell. */
export function shell(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** JSON as people write it: short lists and objects on one line, up to `width` characters. */
export function laid(value, { width = 84, indent = "", write = JSON.stringify, name = JSON.stringify } = {}) {
  const flat = inline(value, write, name);
  if (indent.length + flat.length <= width || value === null || typeof value !== "object") return flat;
  const deeper = { width, indent: `${indent}  `, write, name };
  const listed = Array.isArray(value)
    ? value.map((one) => laid(one, deeper))
    : Object.entries(value).map(([key, one]) => `${name(key)}: ${laid(one, deeper)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${listed.map((line) => `${indent}  ${line}`).join(",\n")}\n${indent}${close}`;
}

function inline(value, write, name) {
  if (Array.isArray(value)) return `[${value.map((one) => inline(one, write, name)).join(", ")}]`;
  if (value === null || typeof value !== "object") return write(value);
  const parts = Object.entries(value).map(([key, one]) => `${name(key)}: ${inline(one, write, name)}`);
  return name === JSON.stringify ? `{${parts.join(", ")}}` : `{ ${parts.join(", ")} }`;
}

/** A value of JSON as Python writes it. */
export function python(value) {
  return typeof value === "string" ? JSON.stringify(value) : { true: "True", false: "False", null: "None" }[value] ?? String(value);
}

const bare = (key) => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key));
const tab = (text, by) => text.replaceAll("\n", `\n${by}`);
const asPython = (value) => laid(value, { write: python }).replace(/^ +/gm, (spaces) => spaces.repeat(2));
const asScript = (value) => laid(value, { name: bare });

/** The members of `body` as keyword arguments of a call, each on a line of its own. */
function keywords(body) {
  return Object.entries(body).map(([key, value]) => `    ${key}=${tab(asPython(value), "    ")},`).join("\n");
}

/* curl */

function curl(base, key, id, model, words, options) {
  const { method, path, body } = request(id, model, words);
  const lines = [`curl ${options} ${shellWord(`${base}${path}`)}`, `-H ${shell(`Authorization: Bearer ${key}`)}`];
  if (method === "POST") lines.push(`-H 'Content-Type: application/json'`, `-d ${shell(laid(body, { indent: "  " }))}`);
  return `${lines.join(" \\\n  ")}\n`;
}

const shellWord = (text) => (/^[\w:/.@%+=,-]+$/.test(text) ? text : shell(text));

const CURL = {
  chat: (base, key, model, words = ENGLISH) => curl(base, key, "chat", model, words, "-sS"),
  stream: (base, key, model, words = ENGLISH) => curl(base, key, "stream", model, words, "-sS --no-buffer"),
  models: (base, key, model, words = ENGLISH) => curl(base, key, "models", model, words, "-sS").trimEnd() + " | jq .\n",
  completion: (base, key, model, words = ENGLISH) => curl(base, key, "completion", model, words, "-sS"),
  retry: (base, key, model, words = ENGLISH) =>
    `# ${words.waits}\n${curl(base, key, "retry", model, words, "-sS --fail --retry 3")}`,
  own: (base, key, model, words = ENGLISH) => curl(base, key, "own", model, words, "-sS").trimEnd() + " | jq .data\n",
};

/* Python with httpx */

const httpxHead = (base, key, ...imports) => `${[...imports, "httpx"].map((name) => `import ${name}\n`).join("")}
BASE = ${JSON.stringify(base)}
HEADERS = {"Authorization": ${JSON.stringify(`Bearer ${key}`)}}
`;

const httpxPost = (base, key, id, model, words, shown) => `${httpxHead(base, key)}
answer = httpx.post(
    BASE + ${JSON.stringify(PATHS[id])},
    headers=HEADERS,
    json=${tab(asPython(BODIES[id](model, words)), "    ")},
    timeout=120,
)
if answer.is_error:
    raise SystemExit(answer.text)
print(answer.json()${shown})
`;

const HTTPX = {
  chat: (base, key, model, words = ENGLISH) =>
    httpxPost(base, key, "chat", model, words, `["choices"][0]["message"]["content"]`),
  completion: (base, key, model, words = ENGLISH) =>
    httpxPost(base, key, "completion", model, words, `["choices"][0]["text"]`),
  stream: (base, key, model, words = ENGLISH) => `${httpxHead(base, key, "json")}BODY = ${asPython(BODIES.stream(model, words))}

with httpx.stream(
    "POST", BASE + "/chat/completions", headers=HEADERS, json=BODY, timeout=120
) as answer:
    if answer.is_error:
        raise SystemExit(answer.read().decode())
    for line in answer.iter_lines():  # ${words.lines}
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        event = json.loads(line.removeprefix("data: "))
        if "error" in event:  # ${words.cut}
            raise SystemExit(event["error"]["message"])
        for choice in event["choices"]:
            print(choice["delta"].get("content") or "", end="", flush=True)
print()
`,
  models: (base, key) => `${httpxHead(base, key)}
answer = httpx.get(BASE + "/models", headers=HEADERS)
if answer.is_error:
    raise SystemExit(answer.text)
for model in answer.json()["data"]:
    print(model["id"], model["owned_by"], model["status"])
`,
  retry: (base, key, model, words = ENGLISH) => `${httpxHead(base, key, "time")}BODY = ${asPython(BODIES.retry(model, words))}
RETRIED = {429, 500, 502, 503, 504}

for pause in (1, 2, 4, None):  # ${words.times}
    answer = httpx.post(BASE + "/chat/completions", headers=HEADERS, json=BODY, timeout=120)
    again = answer.status_code in RETRIED and answer.headers.get("x-should-retry") != "false"
    if pause is None or not again:
        break
    time.sleep(float(answer.headers.get("retry-after", pause)))

if answer.is_error:
    raise SystemExit(answer.text)
print(answer.json()["choices"][0]["message"]["content"])
`,
  own: (base, key) => `${httpxHead(base, key)}
answer = httpx.get(BASE + "/key", headers=HEADERS)
if answer.is_error:
    raise SystemExit(answer.text)
print(answer.json()["data"])
`,
};

/* Python with OpenAI's SDK */

const openaiHead = (base, key, more = "") => `from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(base)}, api_key=${JSON.stringify(key)}${more})
`;

const openaiCreate = (base, key, id, model, words, more) => `${openaiHead(base, key, more)}
answer = client.chat.completions.create(
${keywords(BODIES[id](model, words))}
)
print(answer.choices[0].message.content)
`;

const OPENAI = {
  chat: (base, key, model, words = ENGLISH) => openaiCreate(base, key, "chat", model, words),
  stream: (base, key, model, words = ENGLISH) => `${openaiHead(base, key)}
stream = client.chat.completions.create(
${keywords(BODIES.stream(model, words))}
)
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print()
`,
  models: (base, key) => `${openaiHead(base, key)}
for model in client.models.list():
    print(model.id, model.owned_by)
`,
  completion: (base, key, model, words = ENGLISH) => `${openaiHead(base, key)}
answer = client.completions.create(
${keywords(BODIES.completion(model, words))}
)
print(answer.choices[0].text)
`,
  retry: (base, key, model, words = ENGLISH) => openaiCreate(base, key, "retry", model, words, ", max_retries=3"),
  own: (base, key) => `${openaiHead(base, key)}
print(client.get("/key", cast_to=object)["data"])
`,
};

/* Node with OpenAI's SDK */

const nodeHead = (base, key, more = "") => `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${JSON.stringify(base)}, apiKey: ${JSON.stringify(key)}${more} });
`;

const nodeCreate = (base, key, id, model, words, more) => `${nodeHead(base, key, more)}
const answer = await client.chat.completions.create(${asScript(BODIES[id](model, words))});
console.log(answer.choices[0].message.content);
`;

const NODE = {
  chat: (base, key, model, words = ENGLISH) => nodeCreate(base, key, "chat", model, words),
  stream: (base, key, model, words = ENGLISH) => `${nodeHead(base, key)}
const stream = await client.chat.completions.create(${asScript(BODIES.stream(model, words))});
for await (const chunk of stream) {
  for (const choice of chunk.choices) process.stdout.write(choice.delta.content ?? "");
}
console.log();
`,
  models: (base, key) => `${nodeHead(base, key)}
for await (const model of client.models.list()) console.log(model.id, model.owned_by);
`,
  completion: (base, key, model, words = ENGLISH) => `${nodeHead(base, key)}
const answer = await client.completions.create(${asScript(BODIES.completion(model, words))});
console.log(answer.choices[0].text);
`,
  retry: (base, key, model, words = ENGLISH) => nodeCreate(base, key, "retry", model, words, ", maxRetries: 3"),
  own: (base, key) => `${nodeHead(base, key)}
const { data } = await client.get("/key");
console.log(data);
`,
};

export const SNIPPETS = { httpx: HTTPX, openai: OPENAI, node: NODE, curl: CURL };
