// Calls a gateway through the OpenAI SDK, unchanged: node chat.mjs BASE_URL KEY MODEL; prints what it got as JSON.
import OpenAI from "openai";

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Hello!" }];

const whole = await client.chat.completions.create({ model, messages });
let streamed = "";
let finish = null;
for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
  streamed += chunk.choices[0].delta.content ?? "";
  finish = chunk.choices[0].finish_reason || finish;
}
const models = [];
for await (const found of client.models.list()) models.push(found.id);

let denied = null;
try {
  await new OpenAI({ baseURL, apiKey: "sk-tg-nobody", maxRetries: 0 }).chat.completions.create({ model, messages });
} catch (error) {
  denied = error.status;
}
console.log(JSON.stringify({ whole: whole.choices[0].message.content, streamed, finish, models, denied }));
