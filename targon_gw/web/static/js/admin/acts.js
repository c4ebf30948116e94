// What was done, in the reader's language. The gateway notes it in English, in a few fixed forms; what is in none of
// them is shown as it is.

const ON = [
  [/^client (\S+)$/, "on.client", ["name"]],
  [/^user (\S+)$/, "on.user", ["name"]],
  [/^the password of user (\S+)$/, "on.password", ["name"]],
  [/^the key of user (\S+)$/, "on.user_key", ["name"]],
  [/^invite (\S+)$/, "on.invite", ["name"]],
  [/^the import (\S+)$/, "on.import", ["name"]],
  [/^(\d+) keys of (\S+) \((\S+)\)$/, "on.keys", ["n", "upstream", "name"]],
  [/^(\d+) keys to be imported \((\S+)\)$/, "on.to_be", ["n", "name"]],
  [/^as (\S+)$/, "on.as", ["name"]],
  [/^the own key$/, "on.own_key", []],
  [/^the own password$/, "on.own_password", []],
  [/^the gateway$/, "on.gateway", []],
  [/^the settings$/, "on.settings", []],
  [/^(k-[0-9a-f]{8})$/, "on.key", ["name"]],
];
const WHO = { "admin socket": "who.socket", "admin token": "who.token", "": "who.nobody" };

// On what, in words; `say(key, values)` has them.
export function onWords(on, say) {
  for (const [form, key, names] of ON) {
    const found = form.exec(on);
    if (found) return say(key, Object.fromEntries(names.map((name, at) => [name, found[at + 1]])));
  }
  return on;
}

// The act, in words; one that is not known stays as it is.
export function actWords(act, say) {
  const key = `did.${act.replaceAll(" ", "_")}`;
  const words = say(key);
  return words === key ? act : words;
}

// Who, in words: a door that was come in by, or a user's name.
export function whoWords(who, say) {
  return Object.hasOwn(WHO, who) ? say(WHO[who]) : who;
}

// The events in which all words of `text` are found, as they are shown and as they are noted.
export function eventsShown(events, text, shown) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return events;
  return events.filter((event) => {
    const all = [event.who, event.act, event.on, event.address, shown(event)].join(" ").toLowerCase();
    return wanted.every((word) => all.includes(word));
  });
}
