// Tests of targon_gw/web/static/js/admin/route.js.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PARTS, routeOf } from "../../../targon_gw/web/static/js/admin/route.js";

test("a hash is a part, or a place in one; anything else is the first part", () => {
  const cases = [["", "keys", null], ["#keys", "keys", null], ["#log", "log", null], ["#invites", "people", "invites"], ["#import", "keys", "import"], ["#constructor", "keys", null], ["#x", "keys", null]];
  for (const [hash, part, place] of cases) assert.deepEqual(routeOf(hash), { part, place }, hash);
  for (const part of PARTS) assert.equal(routeOf(`#${part}`).part, part);
});
