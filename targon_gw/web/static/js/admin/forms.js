// What forms of this page come to: bodies for the server out of what was typed.

export const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

function whole(text) {
  const plain = String(text ?? "").trim();
  return plain === "" ? null : /^\d{1,12}$/.test(plain) && Number(plain) > 0 ? Number(plain) : Number.NaN;
}

// The body of POST clients, or `{problems}`: names of fields that are not in order. `now` is in milliseconds.
export function clientOf(values, now = Date.now()) {
  const problems = [];
  const body = { name: String(values.name ?? "").trim() };
  if (!NAME.test(body.name)) problems.push("name");
  const models = String(values.models ?? "").split(/[\s,]+/).filter(Boolean);
  if (models.length) body.models = models;
  const limits = {};
  for (const field of ["requests_per_minute", "tokens_per_minute", "concurrent"]) {
    const figure = whole(values[field]);
    if (Number.isNaN(figure)) problems.push(field);
    else if (figure !== null) limits[field] = figure;
  }
  if (Object.keys(limits).length) body.limits = limits;
  const quota = String(values.amount ?? "").trim();
  if (quota !== "") {
    const amount = values.unit === "usd" ? Number(quota) : whole(quota);
    if (!(amount > 0)) problems.push("amount");
    else body.quota = { [values.unit]: amount, per: values.per };
  }
  if (Date.parse(values.expires) <= now) problems.push("expires"); // and would be of no use from the first
  else if (values.expires) body.expires = values.expires;
  return problems.length ? { problems } : { body };
}

// The body of POST invites.
export function inviteOf(values) {
  const uses = whole(values.uses);
  if (!uses || uses > 1000) return { problems: ["uses"] };
  const seconds = values.days ? Number(values.days) * 86400 : null;
  return { body: { uses, seconds, note: String(values.note ?? "").trim().slice(0, 200) } };
}

const LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

// A password that nobody has had before: 20 characters, none of which is taken for another. `fill` fills an array with
// random bytes.
export function password(fill = (bytes) => crypto.getRandomValues(bytes)) {
  let made = "";
  while (made.length < 20) {
    for (const byte of fill(new Uint8Array(32))) {
      if (byte < 4 * LETTERS.length && made.length < 20) made += LETTERS[byte % LETTERS.length];
    }
  }
  return made;
}

// What a client has of its quota, between 0 and 1; null where it has none.
export function quotaUsed(use) {
  const quota = use?.quota;
  return quota && quota.limit ? Math.min(1, (quota.used + (quota.held ?? 0)) / quota.limit) : null;
}
