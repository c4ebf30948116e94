// Rows of a table in order, and those of them that are asked for.

// What follows a click on a column's heading: the other way round, or, on another column, its own way first.
export function turned(order, column, first = "ascending") {
  if (order.column !== column) return { column, way: first };
  return { column, way: order.way === "ascending" ? "descending" : "ascending" };
}

// A sorted copy; `valueOf(row)` is a number or a text. What has no value comes last either way; equals stay as they are.
export function sorted(rows, valueOf, way) {
  const sign = way === "descending" ? -1 : 1;
  return rows
    .map((row) => ({ row, value: valueOf(row) ?? null }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
      return sign * compared(a.value, b.value);
    })
    .map(({ row }) => row);
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function compared(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
}

// Whether every word of `text` is somewhere in `parts`, in whatever case.
export function matches(text, parts) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const whole = parts.filter((part) => part !== null && part !== undefined).join("\n").toLowerCase();
  return words.every((word) => whole.includes(word));
}
