// Users, clients of the settings, invites: who may call, how much, and what may be done about it.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { del, get, post } from "../api.js";
import { ago, count, date, percent, usd } from "../format.js";
import { icon } from "../monitor/marks.js";
import { matches } from "../monitor/order.js";
import { menu } from "../shell.js";
import { toast } from "../toast.js";
import { t } from "../words.js";
import { ask, tellOnce } from "./dialogs.js";
import { draw } from "./dom.js";
import { clientOf, inviteOf, password, quotaUsed } from "./forms.js";

const API = "/api/admin";
const PAGE = 100;
const USER = /^[a-z0-9._-]{3,32}$/;
const path = (kind, name, act = "") => `${API}/${kind}/${encodeURIComponent(name)}${act && `/${act}`}`;
const options = (name, values) => values.map((value) => ({ value: String(value), label: t(`${name}.${value}`) }));

export class People {
  #users = [];
  #total = 0;
  #search = "";
  #turn = 0;
  #timer = 0;
  #clients = [];
  #clientText = "";
  #invites = [];

  // `places` are {users, usersCount, usersMore, clients, clientsCount, invites}.
  constructor(places, mine) {
    Object.assign(this, { places, mine });
  }

  async load() {
    await Promise.all([this.#loadUsers(), this.#loadClients(), this.#loadInvites()]);
  }

  search(text) {
    this.#search = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#loadUsers().catch(tell), 250);
  }

  filterClients(text) {
    this.#clientText = text;
    this.#showClients();
  }

  async #loadUsers(offset = 0) {
    const turn = ++this.#turn;
    const told = await get(`${API}/users?limit=${PAGE}&offset=${offset}&search=${encodeURIComponent(this.#search)}`);
    if (turn !== this.#turn) return;
    this.#users = offset ? [...this.#users, ...told.users] : told.users;
    this.#total = told.total;
    this.#showUsers();
  }

  async #loadClients() {
    this.#clients = (await get(`${API}/clients`)).clients.filter((one) => !one.user);
    this.#showClients();
  }

  async #loadInvites() {
    this.#invites = (await get(`${API}/invites`)).invites;
    this.#showInvites();
  }

  // -- users --

  addUser() {
    const fresh = password();
    return ask({
      title: t("user.new"),
      fields: [
        { name: "name", label: t("field.user"), hint: t("field.user_hint"), required: true },
        { name: "password", label: t("field.password"), value: fresh, hint: t("field.password_hint") },
        { name: "admin", label: t("field.admin"), type: "check", value: false },
      ],
      confirm: t("user.new_go"),
      go: async (values) => {
        const name = values.name.trim().normalize("NFKC").toLowerCase();
        if (!USER.test(name)) return ["name"];
        if (values.password.length < 8) return ["password"];
        const told = await post(`${API}/users`, { name, password: values.password, admin: values.admin === "on" });
        this.#loadUsers().catch(tell); // what is shown once is shown, whatever becomes of the list
        return { told, password: values.password };
      },
    }).then((done) => done && tellOnce({
      title: t("user.made", { name: done.told.name }),
      text: t("user.made_text"),
      secrets: [{ label: t("field.password"), value: done.password }, { label: t("field.key"), value: done.told.secret }],
    }));
  }

  #userActs(user) {
    const { name } = user;
    const altered = (told) => {
      this.#users = this.#users.map((each) => (each.name === name ? told : each));
      this.#showUsers();
      return true;
    };
    const confirmed = (word, act, body, danger = true) => () => ask({
      title: t(`user.${word}`), text: t(`user.${word}_text`, { name }), confirm: t(`user.${word}`), danger,
      warn: name === this.mine && ["demote", "disable", "delete"].includes(word) ? t("user.yourself") : "",
      go: async () => altered(await post(path("users", name, act), body)),
    });
    const now = (act, body, words) => async () => {
      try {
        altered(await post(path("users", name, act), body));
        toast(t(words, { name }));
      } catch (error) {
        tell(error);
      }
    };
    return [
      user.admin ? ["demote", confirmed("demote", "admin", { admin: false })] : ["promote", confirmed("promote", "admin", { admin: true }, false)],
      ["password", () => this.#newPassword(name)],
      ["rotate", () => this.#rotate("users", name)],
      user.enabled ? ["disable", confirmed("disable", "disable", {})] : ["enable", now("enable", {}, "user.enabled")],
      ["delete", () => ask({
        title: t("user.delete"), text: t("user.delete_text", { name }), danger: true, confirm: t("user.delete"),
        warn: name === this.mine ? t("user.yourself") : "",
        go: async () => { await del(path("users", name)); toast(t("user.deleted", { name })); this.#loadUsers().catch(tell); return true; },
      })],
    ];
  }

  #newPassword(name) {
    return ask({
      title: t("user.password"), text: t("user.password_text", { name }),
      fields: [{ name: "password", label: t("field.password"), value: password(), hint: t("field.password_hint") }],
      confirm: t("user.password"), danger: true,
      go: async (values) => {
        if (values.password.length < 8) return ["password"];
        await post(path("users", name, "password"), { password: values.password });
        return values.password;
      },
    }).then((value) => value && tellOnce({ title: t("user.password_set", { name }), text: t("user.password_set_text"), secrets: [{ label: t("field.password"), value }] }));
  }

  #rotate(kind, name) {
    const grace = { name: "grace", label: t("field.grace"), options: options("grace", [0, 3600, 86400, 604800]), value: "0" };
    return ask({
      title: t("rotate"), text: t("rotate.text", { name }), confirm: t("rotate"), danger: true,
      fields: kind === "clients" ? [grace] : [],
      go: async (values) => {
        const told = await post(path(kind, name, "rotate"), kind === "clients" ? { grace: Number(values.grace) } : {});
        this.load().catch(tell);
        return told;
      },
    }).then((told) => told && tellOnce({ title: t("rotated", { name }), text: t("rotated.text"), secrets: [{ label: t("field.key"), value: told.key }] }));
  }

  #showUsers() {
    this.places.usersCount.textContent = this.#total ? count(this.#total) : "";
    this.places.usersMore.hidden = this.#users.length >= this.#total;
    const rows = this.#users.map((user) => html`<tr>
      <th scope="row"><span class="name">${user.name}</span>${user.admin ? html` <span class="badge">${t("user.admin")}</span>` : nothing}</th>
      <td class="is" data-label=${t("col.state")}>${user.shadowed
        ? html`<span class="badge warn" title=${t("user.shadowed_text")}>${icon("warning", true)}${t("user.shadowed")}</span>`
        : user.enabled ? html`<span class="badge ok">${icon("ok-dot", true)}${t("user.is_enabled")}</span>` : html`<span class="badge">${icon("pause", true)}${t("user.is_disabled")}</span>`}</td>
      <td data-label=${t("col.api_key")}><span class="mono">${user.key.masked}</span></td>
      <td data-label=${t("col.use")}>${use(user.use)}</td>
      <td data-label=${t("col.seen")} class="nowrap">${user.seen ? html`<span title=${date(user.seen)}>${ago(user.seen)}</span>` : html`<span class="muted">${t("user.never")}</span>`}</td>
      <td class="acts">${this.#menu(user.name, this.#userActs(user))}</td></tr>`);
    draw(rows.length
      ? html`<table class="table stack"><caption class="visually-hidden">${t("users")}</caption><thead><tr><th scope="col">${t("col.user")}</th><th scope="col">${t("col.state")}</th><th scope="col">${t("col.api_key")}</th><th scope="col">${t("col.use")}</th><th scope="col">${t("col.seen")}</th><th scope="col"><span class="visually-hidden">${t("col.acts")}</span></th></tr></thead><tbody>${rows}</tbody></table>`
      : html`<p class="empty">${t(this.#search ? "users.none_found" : "users.none")}</p>`, this.places.users);
    menus(this.places.users);
  }

  moreUsers() {
    return this.#loadUsers(this.#users.length).catch(tell);
  }

  #menu(name, acts) {
    const danger = ["delete", "revoke", "disable"];
    return html`<div class="menu-place"><button type="button" class="button small square plain opener" aria-haspopup="true" aria-expanded="false" aria-label=${t("acts.of", { name })}>${icon("more")}</button>
      <div class="menu" hidden>${acts.map(([word, go]) => html`<button type="button" class=${danger.includes(word) ? "hurts" : ""} @click=${(event) => { event.currentTarget.closest(".menu").hidden = true; go(); }}>${t(`user.${word}`)}</button>`)}</div></div>`;
  }

  // -- clients of the settings --

  addClient() {
    return ask({
      title: t("client.new"), text: t("client.new_text"),
      fields: [
        { name: "name", label: t("field.client"), required: true },
        { name: "models", label: t("field.models"), placeholder: "deepseek-ai/*, deepshield-chat", hint: t("field.models_hint") },
        { name: "requests_per_minute", label: t("field.rpm"), digits: true, wide: "half" },
        { name: "tokens_per_minute", label: t("field.tpm"), digits: true, wide: "half" },
        { name: "concurrent", label: t("field.concurrent"), digits: true, wide: "half" },
        { name: "expires", label: t("field.expires"), type: "date", wide: "half" },
        { name: "amount", label: t("field.amount"), digits: true, wide: "third" },
        { name: "unit", label: t("field.unit"), options: options("unit", ["tokens", "requests", "usd"]), value: "tokens", wide: "third" },
        { name: "per", label: t("field.per"), options: options("per", ["hour", "day", "month", "total"]), value: "day", wide: "third" },
      ],
      confirm: t("client.new_go"),
      go: async (values) => {
        const { body, problems } = clientOf(values);
        if (problems) return problems;
        const told = await post(`${API}/clients`, body);
        this.#loadClients().catch(tell);
        return told;
      },
    }).then((told) => told && tellOnce({ title: t("client.made", { name: told.name }), text: t("client.made_text"), secrets: [{ label: t("field.key"), value: told.key }] }));
  }

  #revoke(name) {
    return ask({
      title: t("user.revoke"), text: t("client.revoke_text", { name }), danger: true, confirm: t("user.revoke"),
      go: async () => { await post(path("clients", name, "revoke")); toast(t("client.revoked", { name })); this.#loadClients().catch(tell); return true; },
    });
  }

  #showClients() {
    const shown = this.#clients.filter((one) => matches(this.#clientText, [one.name, one.key, ...(one.models ?? [])]));
    this.places.clientsCount.textContent = this.#clients.length ? String(this.#clients.length) : "";
    const rows = shown.slice(0, 500).map((one) => html`<tr>
      <th scope="row"><span class="name">${one.name}</span></th>
      <td data-label=${t("col.api_key")}><span class="mono">${one.key}</span></td>
      <td data-label=${t("col.models")} class="wrap">${one.models === null ? html`<span class="muted">${t("client.all_models")}</span>` : one.models.join(", ")}</td>
      <td data-label=${t("col.limits")}>${limits(one.limits)}</td>
      <td data-label=${t("col.use")}>${use(one.use)}</td>
      <td data-label=${t("col.expires")} class="nowrap">${one.expires ? date(Date.parse(one.expires) / 1000) : html`<span class="muted">${t("client.never")}</span>`}</td>
      <td class="acts">${this.#menu(one.name, [["rotate", () => this.#rotate("clients", one.name)], ["revoke", () => this.#revoke(one.name)]])}</td></tr>`);
    draw(rows.length
      ? html`<table class="table stack"><caption class="visually-hidden">${t("clients")}</caption><thead><tr>${["client", "api_key", "models", "limits", "use", "expires"].map((name) => html`<th scope="col">${t(`col.${name}`)}</th>`)}<th scope="col"><span class="visually-hidden">${t("col.acts")}</span></th></tr></thead><tbody>${rows}</tbody></table>`
      : html`<p class="empty">${t("clients.none")}</p>`, this.places.clients);
    menus(this.places.clients);
  }

  // -- invites --

  addInvite() {
    return ask({
      title: t("invite.new"),
      fields: [
        { name: "uses", label: t("field.uses"), value: "1", digits: true, wide: "half" },
        { name: "days", label: t("field.days"), options: options("days", ["1", "7", "30", ""].map((day) => day || "ever")).map((one) => ({ ...one, value: one.value === "ever" ? "" : one.value })), value: "7", wide: "half" },
        { name: "note", label: t("field.note"), placeholder: t("field.note_example") },
      ],
      confirm: t("invite.new_go"),
      go: async (values) => {
        const { body, problems } = inviteOf(values);
        if (problems) return problems;
        const told = await post(`${API}/invites`, body);
        this.#loadInvites().catch(tell);
        return told;
      },
    }).then((told) => told && tellOnce({ title: t("invite.made"), text: t("invite.made_text"), secrets: [{ label: t("field.code"), value: told.code }, { label: t("field.page"), value: `${location.origin}/register` }] }));
  }

  #revokeInvite(one) {
    return ask({
      title: t("invite.delete"), text: t("invite.delete_text", { id: one.id }), danger: true, confirm: t("invite.delete"),
      go: async () => { await del(path("invites", one.id)); toast(t("invite.deleted")); this.#loadInvites().catch(tell); return true; },
    });
  }

  #showInvites() {
    const rows = this.#invites.map((one) => html`<tr>
      <th scope="row"><span class="mono">${one.id}</span></th>
      <td data-label=${t("col.uses")} class="nums">${t("invite.uses", { n: one.uses })}</td>
      <td data-label=${t("col.made")} class="nowrap">${date(one.since)}</td>
      <td data-label=${t("col.expires")} class="nowrap">${one.expires ? html`<span title=${date(one.expires)}>${ago(one.expires)}</span>` : html`<span class="muted">${t("client.never")}</span>`}</td>
      <td data-label=${t("col.note")} class=${one.note ? "wrap" : "wrap nil"}>${one.note}</td>
      <td class="acts"><button type="button" class="button small" aria-label=${t("invite.delete_of", { id: one.id })} @click=${() => this.#revokeInvite(one)}>${t("invite.delete")}</button></td></tr>`);
    draw(rows.length
      ? html`<table class="table stack"><caption class="visually-hidden">${t("invites")}</caption><thead><tr>${["invite", "uses", "made", "expires", "note"].map((name) => html`<th scope="col">${t(`col.${name}`)}</th>`)}<th scope="col"><span class="visually-hidden">${t("col.acts")}</span></th></tr></thead><tbody>${rows}</tbody></table>`
      : html`<p class="empty">${t("invites.none")}</p>`, this.places.invites);
  }
}

export function tell(error) {
  toast(error.words ?? String(error), "bad");
}

// The menus that are new since the last time get their behaviour.
function menus(place) {
  for (const opener of place.querySelectorAll(".opener:not([data-ready])")) {
    opener.dataset.ready = "";
    menu(opener, opener.nextElementSibling);
  }
}

function limits(told) {
  const parts = ["requests_per_minute", "tokens_per_minute", "concurrent"].filter((name) => told[name] !== null).map((name) => t(`limit.${name}`, { n: count(told[name]) }));
  return parts.length ? html`<span class="wrap">${parts.join(" · ")}</span>` : html`<span class="muted">${t("limit.none")}</span>`;
}

function use(told) {
  if (!told?.quota) return html`<span class="nums">${t("use.requests", { n: count(told?.requests ?? 0) })}</span>`;
  const { quota } = told;
  const money = quota.unit === "usd";
  const figure = (n) => (money ? usd(n * 1e6) : count(n));
  const share = quotaUsed(told);
  return html`<span class="quota"><span class="nums">${figure(quota.used)} / ${figure(quota.limit)} ${money ? "" : t(`unit.${quota.unit}`)} · ${t(`per.${quota.per}`)}</span>
    <meter min="0" max="1" value=${share ?? 0} high="0.9" aria-label=${t("use.share")}>${percent(share ?? 0, 0)}</meter></span>`;
}
