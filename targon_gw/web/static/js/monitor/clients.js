// The clients that are asked for, in order.

import { matches, sorted } from "./order.js";

const VALUES = {
  client: (one) => one.name,
  requests: (one) => one.use.requests,
  tokens_all: (one) => one.use.tokens?.total,
  in_flight: (one) => one.use.in_flight,
  quota: (one) => gone(one.use.quota),
};

// The part of a quota that is used or held; null where there is none.
export function gone(quota) {
  if (!quota) return null;
  return quota.limit > 0 ? (quota.used + quota.held) / quota.limit : 1;
}

// Clients of the settings and users as one list; a user whose name the settings have, too, is that client.
export function everybody(clients, users) {
  const own = users.filter((user) => !user.shadowed).map((user) => ({ name: user.name, use: user.use, user }));
  return [...clients, ...own];
}

// Those whose name has the text, in that order.
export function shownClients(clients, text, order) {
  const found = text ? clients.filter((one) => matches(text, [one.name])) : clients;
  return sorted(found, VALUES[order.column], order.way);
}
