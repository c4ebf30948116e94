/**
 * What a visitor has written in this browser becomes that of the account that is made there: who registers because the
 * visitors' limit is reached goes on with the same conversation. Signing in to an account that there was takes nothing
 * over: it may be somebody else who sits there then.
 */

import { recall, remember } from "./kept.js";
import { openStore } from "./store.js";

/** Move a visitor's conversations and drafts to the account `owner`; how many conversations. What fails stays there. */
export async function takeOver(owner) {
  const [from, to] = await Promise.all([openStore(""), openStore(owner)]);
  if (!from.lasting || !to.lasting) return 0;
  moveDraft("new", owner);
  let moved = 0;
  for (const { thread, messages } of await from.all()) {
    await to.begin(thread);
    for (const message of messages) await to.put(message);
    moveDraft(thread.id, owner);
    await from.remove(thread.id);
    moved += 1;
  }
  return moved;
}

function moveDraft(id, owner) {
  const text = recall(`draft::${id}`);
  if (!text) return;
  remember(`draft:${owner}:${id}`, text);
  remember(`draft::${id}`, null);
}
