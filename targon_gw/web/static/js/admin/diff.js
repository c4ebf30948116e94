// What a reload would change, as lists for people: out of the server's `diff`.

// `say(key, values)` has the words. Each entry: `{sign: "+" | "-" | "~", what, detail}`.
export function entriesOf(diff, say) {
  const found = [];
  for (const pool of diff.keys ?? []) {
    const of = { upstream: pool.upstream };
    if (pool.added.length) found.push({ sign: "+", what: say("diff.keys_added", { ...of, n: pool.added.length }), detail: few(pool.added) });
    if (pool.removed.length) {
      const calls = pool.removed.reduce((sum, key) => sum + key.calls, 0);
      const what = say(calls ? "diff.keys_removed_busy" : "diff.keys_removed", { ...of, n: pool.removed.length, calls });
      found.push({ sign: "-", what, detail: few(pool.removed.map((key) => key.key)) });
    }
    for (const edit of [...pool.changed, ...pool.settings]) found.push(edited(edit, pool.upstream));
  }
  for (const kind of ["upstreams", "models", "clients"]) {
    const named = diff[kind] ?? { added: [], removed: [], changed: [] };
    if (named.added.length) found.push({ sign: "+", what: say(`diff.${kind}`, { n: named.added.length }), detail: few(named.added) });
    if (named.removed.length) found.push({ sign: "-", what: say(`diff.${kind}`, { n: named.removed.length }), detail: few(named.removed) });
    for (const edit of named.changed) found.push(edited(edit, ""));
  }
  for (const edit of diff.settings ?? []) found.push(edited(edit, ""));
  for (const name of diff.at_next_start ?? []) found.push({ sign: "~", what: name, detail: say("diff.at_start") });
  return found;
}

function edited(edit, of) {
  const whose = [of, edit.name].filter(Boolean).join(" ");
  const values = edit.before === null || edit.before === undefined ? "" : `${edit.before} → ${edit.after}`;
  return { sign: "~", what: [whose, edit.what].filter(Boolean).join(" · "), detail: values };
}

function few(names, most = 12) {
  return names.slice(0, most).join(", ") + (names.length > most ? ` +${names.length - most}` : "");
}
