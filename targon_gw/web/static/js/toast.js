/* A line that comes, is read out, and goes. */

const STAYS = { ok: 3500, bad: 7000 };

// Looked for once: dialogs are filled anew, and with the shelf in them it is nowhere in the document.
const shelf = document.getElementById("toasts");

/** Show `text`, politely read out; `kind` is "ok" or "bad". With `quiet` it is only read out. */
export function toast(text, kind = "ok", { quiet = false } = {}) {
  const line = document.createElement("p");
  line.className = quiet ? "visually-hidden" : `toast ${kind}`;
  line.textContent = text;
  shelf.append(line);
  setTimeout(() => line.remove(), STAYS[kind] ?? STAYS.ok);
  place();
}

/** An open modal dialog makes all else inert: the shelf has to be inside it to be seen, until that closes. */
function place() {
  const dialog = document.querySelector("dialog[open]");
  dialog?.addEventListener("close", place, { once: true });
  (dialog ?? document.body).append(shelf);
}
