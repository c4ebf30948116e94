// Tests of targon_gw/web/static/js/admin/forms.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clientOf, inviteOf, password, quotaUsed } from "../../../targon_gw/web/static/js/admin/forms.js";

test("a client is what was filled in, and nothing else", () => {
  assert.deepEqual(clientOf({ name: " svc ", unit: "tokens", per: "day" }), { body: { name: "svc" } });
  const all = { name: "svc", models: "a/*, b", requests_per_minute: "60", concurrent: "8", tokens_per_minute: "", amount: "0.5", unit: "usd", per: "month", expires: "2027-01-01" };
  assert.deepEqual(clientOf(all).body, {
    name: "svc", models: ["a/*", "b"], limits: { requests_per_minute: 60, concurrent: 8 }, quota: { usd: 0.5, per: "month" }, expires: "2027-01-01",
  });
});

test("fields that are not in order are named, all of them", () => {
  const values = { name: "a b", requests_per_minute: "x", tokens_per_minute: "0", concurrent: "-1", amount: "0.5", unit: "tokens", per: "day" };
  assert.deepEqual(clientOf(values).problems, ["name", "requests_per_minute", "tokens_per_minute", "concurrent", "amount"]);
});

test("a client that would have expired before it is issued is not in order", () => {
  const now = Date.parse("2026-06-15T12:00:00Z");
  const expiring = (expires) => clientOf({ name: "svc", expires }, now);
  assert.deepEqual(expiring("2026-06-14").problems, ["expires"]);
  assert.equal(expiring("2026-06-16").body.expires, "2026-06-16");
  assert.equal(expiring("").body.expires, undefined);
});

test("an invite is for some uses and some days, or without an end", () => {
  assert.deepEqual(inviteOf({ uses: "3", days: "7", note: " x " }).body, { uses: 3, seconds: 604800, note: "x" });
  assert.equal(inviteOf({ uses: "1", days: "" }).body.seconds, null);
  for (const uses of ["", "0", "1001", "x"]) assert.deepEqual(inviteOf({ uses }).problems, ["uses"]);
});

test("a password is twenty characters, each as likely as another, and none that is taken for one", () => {
  let turn = 0;
  const fill = (bytes) => bytes.map(() => (turn += 1) % 256);
  const made = password(fill);
  assert.equal(made.length, 20);
  assert.match(made, /^[a-zA-Z2-9]+$/);
  assert.doesNotMatch(password((bytes) => bytes.fill(0)) + password((bytes) => bytes.fill(200)), /[l1IO0]/);
  let asked = 0;
  assert.equal(password((bytes) => bytes.fill(asked++ ? 7 : 255)).length, 20);
  assert.ok(asked > 1); // bytes that would favour some letters are thrown away
});

test("what is gone of a quota is a share, what is held counts, and there may be none", () => {
  assert.equal(quotaUsed({ quota: { used: 20, held: 30, limit: 100 } }), 0.5);
  assert.equal(quotaUsed({ quota: { used: 200, held: 0, limit: 100 } }), 1);
  assert.equal(quotaUsed({}), null);
  assert.equal(quotaUsed(undefined), null);
});
