/* Administration: keys, users and clients, settings, log. Whoever is no admin is told so, and nothing is asked for. */

import { get, me } from "./api.js";
import { live } from "./live.js";
import { t } from "./words.js";
import { Importing } from "./admin/importing.js";
import { Keys } from "./admin/keys.js";
import { Log } from "./admin/log.js";
import { People, tell } from "./admin/people.js";
import { PARTS, routeOf } from "./admin/route.js";
import { Settings } from "./admin/settings.js";

const at = (id) => document.getElementById(id);
const searching = (id, go) => at(id).addEventListener("input", (event) => go(event.target.value));
const pressing = (id, go) => at(id).addEventListener("click", go);

function shut(kind) {
  for (const each of document.querySelectorAll(".shut")) each.hidden = each.dataset.kind !== kind;
  at("wait").hidden = true;
}

async function begin() {
  let mine;
  try {
    mine = await me();
  } catch (error) {
    at("shut-problem").textContent = error.words ?? String(error);
    return shut("failed");
  }
  if (!mine.signed_in) return shut("out");
  if (!mine.admin) return shut("other");
  at("wait").hidden = true;
  at("office").hidden = false;
  return open(mine);
}

function open(mine) {
  const keys = new Keys({ table: at("keys-table"), count: at("keys-count"), census: at("keys-census"), disable: at("disable-dialog"), why: at("why-dialog") });
  const importing = new Importing(at("import-place"), at("imports-place"), () => keys.load().catch(tell));
  const people = new People({
    users: at("users-table"), usersCount: at("users-count"), usersMore: at("users-more"),
    clients: at("clients-table"), clientsCount: at("clients-count"), invites: at("invites-table"),
  }, mine.name);
  const settings = new Settings({ changes: at("changes-place"), force: at("force-place"), about: at("about-place"), copy: at("force-copy") });
  const log = new Log(at("log-table"));
  const loading = {
    keys: async () => {
      const [, status] = await Promise.all([keys.load(), get("/api/admin/status")]);
      importing.open(status.upstreams.map((one) => one.name));
    },
    people: () => people.load(),
    settings: () => settings.load(),
    log: () => log.load(),
  };
  searching("keys-text", (text) => keys.filter({ text }));
  searching("users-text", (text) => people.search(text));
  searching("clients-text", (text) => people.filterClients(text));
  searching("force-text", (text) => settings.filter(text));
  searching("log-text", (text) => log.filter(text));
  pressing("user-new", () => people.addUser());
  pressing("client-new", () => people.addClient());
  pressing("invite-new", () => people.addInvite());
  pressing("users-more", () => people.moreUsers());
  pressing("log-again", () => log.load().catch(tell));
  at("registration").textContent = t(`registration.${mine.registration}`);
  const ready = new Set();

  function show(moved) {
    const { part, place } = routeOf(location.hash);
    for (const name of PARTS) at(`part-${name}`).hidden = name !== part;
    for (const link of document.querySelectorAll(".tabs a")) {
      if (link.hash === `#${part}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const first = !ready.has(part);
    if (first || part === "log") {
      ready.add(part);
      loading[part]().catch((error) => {
        ready.delete(part);
        tell(error);
      });
    }
    if (place) at(place)?.scrollIntoView();
    else if (moved) window.scrollTo(0, 0);
    if (moved) at(`part-${part}`).focus({ preventScroll: true });
  }

  addEventListener("hashchange", () => show(true));
  show(false);
  // While the stream was closed nothing was told: what stands there may be of an hour ago.
  const became = (state) => state === "open" && ready.has("keys") && keys.load().catch(tell);
  live("admin", { keys: (told) => keys.take(told) }, { onState: became });
}

begin();
