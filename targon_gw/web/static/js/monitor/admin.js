// The part of the page that an administrator sees: keys, accounts, clients, and the calls as they happen.

import { get } from "../api.js";
import { toast } from "../toast.js";
import { CallDialog } from "./calldialog.js";
import { CallTable } from "./calltable.js";
import { everybody } from "./clients.js";
import { ClientTable } from "./clienttable.js";
import { DisableDialog, WhyDialog, enable, test } from "./keydialogs.js";
import { Today, dayOf, keysAfter } from "./keys.js";
import { KeyTable } from "./keytable.js";

const CLIENTS_EVERY = 15_000; // milliseconds; what each has used comes by no stream
const SUMS_EVERY = 600_000; // the day's sums are read out of the ledger's file, which may be long

const find = (id) => document.getElementById(id);

export class Admin {
  #today = new Today();
  #sumsAt = 0;
  #timer = 0;
  #waiting = 0;

  // `now()` is the server's time, Unix seconds.
  constructor(now) {
    this.now = now;
    const call = new CallDialog(find("call-dialog"));
    const why = new WhyDialog(find("why-dialog"));
    const disable = new DisableDialog(find("disable-dialog"), (key) => this.keys.changed(key), (row) => this.keys.isLast(row));
    const done = (work) => async (row) => {
      const key = await work(row);
      if (key) this.keys.changed(key);
    };
    const acts = { test: done(test), enable: done(enable), disable: (row) => disable.open(row), why: (row) => why.open(row) };
    const places = { keys: find("keys"), accounts: find("accounts"), count: find("keys-count"), more: find("keys-more") };
    this.keys = new KeyTable(places, acts, this.#today, now);
    this.calls = new CallTable({
      table: find("calls"), count: find("calls-count"), pause: find("calls-pause"), status: find("calls-status"),
      client: find("calls-client"), model: find("calls-model"), text: find("calls-text"),
    }, (row) => call.open(row));
    this.clients = new ClientTable({ table: find("clients"), count: find("clients-count"), text: find("clients-text") });
    const filter = () => this.keys.filter({ state: find("keys-state").value, text: find("keys-text").value.trim() });
    find("keys-state").addEventListener("change", filter);
    find("keys-text").addEventListener("input", filter);
    find("keys-more").addEventListener("click", () => this.keys.more());
    find("admin").hidden = false;
  }

  // The stream is open: read what it does not tell, or told while it was not.
  async begin() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#clients(), CLIENTS_EVERY);
    await Promise.allSettled([this.#sums(), this.#keys(), this.#calls(), this.#clients()]);
  }

  // The stream is closed.
  end() {
    clearInterval(this.#timer);
  }

  // Whoever looks is no administrator any more.
  leave() {
    this.end();
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    find("admin").hidden = true;
  }

  // Events of the stream.
  get events() {
    return {
      keys: (told) => this.keys.read(keysAfter(this.keys.keys, told)),
      call: (row) => {
        this.#today.add(row);
        this.calls.add([row]);
        this.#counted();
      },
    };
  }

  // A second has gone by.
  turn() {
    this.keys.turn();
  }

  // Figures of keys have grown: they are shown anew, but not for every call of many.
  #counted() {
    if (this.#waiting) return;
    this.#waiting = setTimeout(() => {
      this.#waiting = 0;
      this.keys.render();
    }, 500);
  }

  async #sums() {
    if (Date.now() - this.#sumsAt < SUMS_EVERY) return;
    this.#sumsAt = Date.now();
    const at = this.now();
    const told = await this.#ask(`/api/admin/usage?by=key&since=${dayOf(at)}`);
    if (told === null) {
      this.#sumsAt = 0;
      return;
    }
    this.#today.read(told.rows, at);
    this.keys.render();
  }

  async #keys() {
    const told = await this.#ask("/api/admin/keys");
    if (told) this.keys.read(told.keys);
  }

  async #calls() {
    const told = await this.#ask("/api/admin/calls?limit=200");
    if (told) this.calls.add(told.calls);
  }

  async #clients() {
    const [filed, users] = await Promise.all([this.#ask("/api/admin/clients"), this.#ask("/api/admin/users?limit=100")]);
    if (filed && users) this.clients.read(everybody(filed.clients, users.users), filed.clients.length + users.total);
  }

  async #ask(path) {
    try {
      return await get(path);
    } catch (error) {
      toast(error.words ?? String(error), "bad");
      return null;
    }
  }
}
