/**
 * One call of `/v1/chat/completions`, and what may come of it. It sends and hands on; what the events mean, answer.js
 * says. No cookie goes under /v1: whoever is asking is in the key alone.
 */

import { readEvents } from "./stream.js";

const ADDRESS = "/v1/chat/completions";
/** Seconds: a longer `Retry-After` is no countdown that anybody watches. */
const LONGEST_WAIT = 86_400;

/** The server answered, with an error. */
export class Refused extends Error {
  constructor(status, told, wait, request) {
    super(told.message);
    this.name = "Refused";
    this.status = status;
    this.code = told.code;
    this.param = told.param;
    /** Seconds until another try may help; null where nothing was said. */
    this.wait = wait;
    this.request = request;
  }
}

/** No answer came at all. */
export class Unreachable extends Error {}

/**
 * Send `body` and hand each event's data to `take`. `seen(head)` is told `{request, model, attempts}` as soon as the
 * head is there. Resolves to `closed`, `broken` or `stopped`: what ended the body. Throws `Refused` or `Unreachable`, and
 * the abort where `signal` came before the head.
 */
export async function converse(body, { key = null, signal = null, seen = () => {}, take, fetch = globalThis.fetch }) {
  const response = await sent(body, key, signal, fetch);
  const head = headOf(response);
  seen(head);
  if (!response.ok) throw await refusal(response, head.request);
  try {
    await readEvents(response.body, (event) => take(event.data));
    return "closed";
  } catch {
    return signal?.aborted ? "stopped" : "broken";
  }
}

async function sent(body, key, signal, fetch) {
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  if (key) headers.authorization = `Bearer ${key}`;
  try {
    return await fetch(ADDRESS, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal,
      credentials: "omit",
      cache: "no-store",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable(String(error));
  }
}

function headOf(response) {
  return {
    request: response.headers.get("x-request-id"),
    model: response.headers.get("x-targon-model"),
    attempts: Number(response.headers.get("x-targon-attempts")) || 1,
  };
}

async function refusal(response, request) {
  const wait = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  let error = null;
  try {
    error = (await response.json()).error;
  } catch {
    // Somebody in between has answered, not the gateway: the status has to do.
  }
  const told = {
    code: typeof error?.code === "string" ? error.code : `http_${response.status}`,
    message: typeof error?.message === "string" ? error.message : "",
    param: typeof error?.param === "string" ? error.param : null,
  };
  return new Refused(response.status, told, Number.isFinite(wait) ? Math.min(wait, LONGEST_WAIT) : null, request);
}
