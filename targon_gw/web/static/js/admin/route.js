// Which part of the page an address's hash asks for.

export const PARTS = ["keys", "people", "settings", "log"];
const WITHIN = { import: "keys", imports: "keys", clients: "people", users: "people", invites: "people", changes: "settings", force: "settings" };

// `#keys`, `#import`, `#users` … to the part and the place in it; anything else is the first part.
export function routeOf(hash) {
  const name = hash.replace(/^#/, "");
  if (PARTS.includes(name)) return { part: name, place: null };
  if (Object.hasOwn(WITHIN, name)) return { part: WITHIN[name], place: name };
  return { part: PARTS[0], place: null };
}
