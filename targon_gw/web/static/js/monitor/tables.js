// A chart's figures as a table: for whoever would rather read, or can't see the lines.

// Rows of [unix, ...figures], newest first and at most `most`; moments without any figure are left out.
export function tableOf(series, columns, most = 400) {
  const rows = [];
  for (let index = series.t.length - 1; index >= 0 && rows.length < most; index -= 1) {
    const figures = columns.map((column) => column[index] ?? null);
    if (figures.some((figure) => figure !== null)) rows.push([series.t[index], ...figures]);
  }
  return rows;
}
