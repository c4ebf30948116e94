/* JSON to and from this server's own `/api`: what is sent bears the CSRF token, what is refused is an ApiError. */

import { say } from "./words.js";

/**
 * `status` is HTTP's, 0 where nothing was answered; `code` is the envelope's, `param` the field at fault, `wait` in
 * seconds; these two may be null.
 */
export class ApiError extends Error {
  constructor(status, code, message, wait = null, param = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.wait = wait;
    this.param = param;
  }

  /** What to show. */
  get words() {
    return say(this.code, this.message);
  }
}

let known = null; // a promise of /api/me
let token = null;

/** Who is signed in: a promise of GET /api/me, asked for once, or again with `{fresh: true}`. */
export function me({ fresh = false } = {}) {
  if (fresh || known === null) {
    const asked = send("GET", "/api/me");
    known = asked;
    asked.then(meet, () => {
      if (known === asked) known = null; // the next to ask tries again
    });
  }
  return known;
}

/** Take `told`, an answer shaped as that of /api/me, for what is so from now on. */
export function meet(told) {
  token = told.csrf;
  known = Promise.resolve(told);
  return told;
}

export function get(path, options = {}) {
  return send("GET", path, undefined, options);
}

export function post(path, body = {}, options = {}) {
  return change("POST", path, body, options);
}

export function del(path, body = {}, options = {}) {
  return change("DELETE", path, body, options);
}

async function change(method, path, body, options) {
  if (token === null) await me();
  try {
    return await send(method, path, body, options);
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "csrf_failed")) throw error;
    await me({ fresh: true }); // signed in or out in another tab: the token is another one now
    return send(method, path, body, options);
  }
}

async function send(method, path, body, { signal } = {}) {
  const asked = { method, signal, credentials: "same-origin", cache: "no-store", headers: { accept: "application/json" } };
  if (body !== undefined) {
    asked.body = JSON.stringify(body);
    asked.headers["content-type"] = "application/json";
    if (token !== null) asked.headers["x-csrf-token"] = token;
  }
  let answer;
  let told = null;
  try {
    answer = await fetch(path, asked);
    if (answer.status !== 204) told = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (answer === undefined) throw new ApiError(0, "network", "The server could not be reached.");
    throw new ApiError(answer.status, "unknown", "The server's answer could not be read.");
  }
  if (answer.ok) return told;
  const { code = "unknown", message = "", param = null } = told?.error ?? {};
  const wait = Number.parseInt(answer.headers.get("retry-after") ?? "", 10);
  throw new ApiError(answer.status, code, message, Number.isNaN(wait) ? null : wait, param);
}
