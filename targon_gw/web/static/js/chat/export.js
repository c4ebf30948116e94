/** Conversations as files: JSON with everything, Markdown with what is shown. They hold no key. */

import { Conversation } from "./thread.js";

export const FORM = "targon-gw-chat/1";

/** All of `conversations` as JSON; messages in the order in which they were written. */
export function toJson(conversations, now) {
  const threads = conversations.map(({ thread, messages }) => ({
    ...thread,
    messages: [...messages.values()].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)),
  }));
  return JSON.stringify({ form: FORM, exported: new Date(now).toISOString(), threads }, null, 2) + "\n";
}

/** The paths shown, each under its title. `names`: `{user, assistant, thought, system, untitled, ended(end)}`. */
export function toMarkdown(conversations, names) {
  return conversations.map((each) => oneMarkdown(each, names)).join("\n---\n\n");
}

function oneMarkdown(conversation, names) {
  const { thread } = conversation;
  const parts = [`# ${oneLine(thread.title) || names.untitled}`, new Date(thread.created).toISOString()];
  if (thread.settings.system?.trim()) parts.push(`## ${names.system}`, thread.settings.system.trim());
  for (const message of conversation.path()) parts.push(...messageParts(message, names));
  return parts.join("\n\n") + "\n";
}

function messageParts(message, names) {
  if (message.role === "user") return [`## ${names.user}`, message.text];
  const parts = [`## ${names.assistant}${message.model ? ` (${oneLine(message.model)})` : ""}`];
  if (message.thought?.trim()) parts.push(`> **${names.thought}**\n>\n${quoted(message.thought.trim())}`);
  if (message.text.trim()) parts.push(message.text.trim());
  const ended = names.ended(message.end ?? null);
  if (ended) parts.push(`*${oneLine(ended)}*`);
  return parts;
}

function quoted(text) {
  return text
    .split("\n")
    .map((line) => `> ${line}`.trimEnd())
    .join("\n");
}

function oneLine(text) {
  return text.replace(/\s+/g, " ").trim();
}

/** A name for a file out of a title: letters, digits and dashes of any script, short. */
export function fileName(title, now, kind) {
  const plain = title.normalize("NFKC").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  const day = new Date(now).toISOString().slice(0, 10);
  return `${[...plain].slice(0, 40).join("") || "chat"}-${day}.${kind}`;
}

/** A conversation out of stored records. */
export function asConversation({ thread, messages }) {
  return new Conversation(thread, messages);
}
