/**
 * What a visitor has written in this browser becomes that of the account that is made there: who registers because the
 * visitors' limit is reached goes on with the same conversation. Signing in to an account that there was takes nothing
 * over: it may be somebody else who sits there then.
 *
 * Which conversations those are is noted when the account is made. One to which an answer is just coming in, in another
 * window, stays the visitor's until that is over; it and whatever a page that went too soon has left undone is moved
 * when the account's chat is opened next.
 */

import { recall, remember } from "./kept.js";
import { openStore } from "./store.js";
import { standingOf } from "./thread.js";

const TRIES = 5;

/** Move a visitor's conversations and drafts to `owner`, an account just made; how many conversations were moved. */
export async function takeOver(owner) {
  const from = await openStore("");
  if (!from.lasting) return 0;
  const threads = await from.threads();
  remember(`moving:${owner}`, threads.map((thread) => thread.id).join(" "));
  moveDraft("new", owner);
  return goOn(owner, await openStore(owner));
}

/** Move what is left of that to `to`, the store of `owner`; how many conversations were moved. */
export async function goOn(owner, to) {
  const ids = recall(`moving:${owner}`)?.split(" ") ?? [];
  if (!ids.length || !to.lasting) return 0;
  const from = await openStore("");
  const left = [];
  for (const id of ids) {
    if (!(await move(id, from, to))) left.push(id);
    else moveDraft(id, owner);
  }
  remember(`moving:${owner}`, left.join(" "));
  return ids.length - left.length;
}

/** Whether the conversation is moved; one that is gone by now counts as such. */
async function move(id, from, to) {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const kept = await from.load(id);
    if (kept === null) return true;
    if (kept.messages.some(comingIn)) return false;
    await to.take(kept);
    if (await from.removeAs(kept)) return true;
  }
  return false;
}

function comingIn(message) {
  return message.role === "assistant" && standingOf(message, Date.now()).kind === "elsewhere";
}

function moveDraft(id, owner) {
  const [before, after] = [`draft::${id}`, `draft:${owner}:${id}`];
  const text = recall(before);
  if (!text) return;
  remember(after, text);
  if (recall(after) === text) remember(before, null);
}
