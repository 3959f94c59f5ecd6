// Charts as files: SVG and PNG of what is drawn, on white, with a legend; CSV of all that it is
// drawn from.
const fileName = (chart, suffix) => `${chart.alt.split(/[.:;]/)[0].toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").slice(0, 80)}.${suffix}`;
const svgFile = (state) => {
  const entries = legendEntries(state.chart).filter((entry) => !state.hidden.has(entry.name));
  const height = state.height + 18 * entries.length;
  const copy = state.svg.cloneNode(true);
  for (const [key, value] of Object.entries({ xmlns: "http://www.w3.org/2000/svg", width: state.width, height,
    viewBox: `0 0 ${state.width} ${height}`, color: "#1c1e21", "font-family": "system-ui, Helvetica, Arial, sans-serif" })) copy.setAttribute(key, value);
  for (const name of ["class", "tabindex"]) copy.removeAttribute(name);
  copy.querySelector(".spot")?.remove();
  copy.prepend(svgNode("rect", { width: state.width, height, fill: "#fff" }));
  entries.forEach((entry, i) => {
    const y = state.height + 18 * i;
    copy.append(...legendKey(entry, 4, y + 8), svgText(entry.name, 34, y + 12));
  });
  return new XMLSerializer().serializeToString(copy);
};
const savePng = async (state, name) => {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgFile(state))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => saveFile(name, blob, "image/png"));
};
const csvRows = {
  lines: (chart) => [
    ["series", "line", chart.x.label, chart.y.label],
    ...chart.series.flatMap((series) => series.lines.flatMap((line) =>
      chart.xs.map((x, i) => [series.name, line.name, x, line.values[i]]).filter((row) => row[3] !== null))),
  ],
  trend: (chart) => [
    ["model", "of", "days since 1970", chart.y.label, "low", "high", "note"],
    ...chart.series.flatMap((series) => series.lines.flatMap((line) =>
      line.points.map((point) => [series.name, line.name, point.x, point.y, ...(point.interval ?? ["", ""]), point.note]))),
  ],
  points: (chart) => [
    ["model", ...["x", "y"].flatMap((axis) => [chart[axis].label, "low", "high"])],
    ...chart.points.map((point) => [point.name, ...["x", "y"].flatMap((axis) => [point[axis], ...(point[`${axis}_interval`] ?? ["", ""])])]),
  ],
  dots: (chart) => [
    ["row", "seed", chart.x.label],
    ...chart.rows.flatMap((row) => [...row.values.map(([name, value]) => [row.label, name, value]), ...row.failures.map((failure) => [row.label, failure, ""])]),
  ],
  scatter: (chart) => [
    ["series", chart.x.label, chart.y.label],
    ...chart.series.flatMap((series) => series.xs.map((x, i) => [series.name, x, series.ys[i]])),
  ],
  forest: (chart) => [
    ["comparison", chart.x.label, "low", "high", "no effect", "margins"],
    ...chart.rows.map((row) => [row.label, row.value, row.low, row.high, row.null, row.limits.join(" ")]),
  ],
};
const csvFile = (chart) => csvRows[chart.kind](chart).map((row) => `${row.map(csvField).join(",")}\r\n`).join("");
