// Draws charts (harness/report/charts.py) as SVG that is as wide as its place, so that text keeps
// its size. A drawing has `marks`: the places that can be pointed at, each of one line, with a
// function for its text, since writing numbers takes long.
const chartDashes = ["", "6 3", "1.5 2.5", "5 2 1 2"];
const markerPaths = {
  circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z", square: "M-3.5 -3.5h7v7h-7Z",
  up: "M0 -4.4L4.4 3.6H-4.4Z", down: "M0 4.4L4.4 -3.6H-4.4Z", left: "M-4.4 0L3.6 -4.4V4.4Z",
  right: "M4.4 0L-3.6 -4.4V4.4Z", diamond: "M0 -4.8L4.8 0L0 4.8L-4.8 0Z",
  cross: "M-1.5 -4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z",
};
const svgNode = (name, attributes = {}, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};
const svgText = (text, x, y, attributes = {}) =>
  svgNode("text", { x, y, "font-size": 12, fill: "currentColor", ...attributes }, text);
const svgLine = (x1, y1, x2, y2, attributes = {}) =>
  svgNode("line", { x1, y1, x2, y2, stroke: "currentColor", ...attributes });
const svgMarker = (style, x, y) =>
  svgNode("path", { d: markerPaths[style.marker], transform: `translate(${x} ${y})`, fill: style.colour });

const textRuler = document.createElement("canvas").getContext("2d");
const textWidth = (text, weight = 400) => {
  textRuler.font = `${weight} 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif`;
  return textRuler.measureText(text).width;
};
// Breaks a text after spaces into lines of a width.
const brokenText = (text, width, weight) => {
  const lines = [""];
  for (const word of text.split(/(?<= )/)) {
    const last = lines.length - 1;
    if (lines[last] && textWidth((lines[last] + word).trimEnd(), weight) > width) lines.push(word);
    else lines[last] += word;
  }
  return lines.map((line) => line.trimEnd());
};
// Numbers as pages write them: four digits, a true minus, thousands apart.
const numberText = (value) => (Math.abs(value) < 1e-3 && value !== 0
  ? value.toExponential(2)
  : value.toLocaleString("en", { maximumSignificantDigits: Math.abs(value) < 1e4 ? 4 : 21, maximumFractionDigits: 6 })
).replaceAll(",", "\u202f").replaceAll("-", "\u2212");
const tickText = (value) => {
  const size = Math.abs(value);
  const [unit, sign] = size >= 1e6 ? [1e6, " M"] : size >= 1e4 ? [1e3, " k"] : [1, ""];
  return numberText(Number((value / unit).toPrecision(4))) + sign;
};
// Ticks between two ends: at most `count`, with the smallest step that allows it.
const linearTicks = (low, high, count) => {
  const power = Math.floor(Math.log10((high - low) / Math.max(count, 1)));
  const steps = [1, 2, 5, 10, 20].map((factor) => factor * 10 ** power);
  const step = steps.find((each) => Math.floor(high / each) - Math.ceil(low / each) < Math.max(count, 1)) ?? steps.at(-1);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
};
const logTicks = (low, high, count) => {
  if (high - low < 0.7) return linearTicks(10 ** low, 10 ** high, count).filter((tick) => tick > 0);
  const powers = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, i) => Math.floor(low) + i);
  const every = Math.ceil((high - low) / Math.max(count, 1));
  const choices = [[1, 2, 5], [1, 3], [1]].map((factors) => powers.filter((power) => power % every === 0)
    .flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(3))))
    .filter((tick) => Math.log10(tick) >= low && Math.log10(tick) <= high));
  return choices.find((ticks) => ticks.length <= count + 1) ?? choices.at(-1);
};
// Days since 1970 as ticks, and as they are written: hours within days, days, or months and years.
const dateSteps = [1 / 24, 1 / 4, 1 / 2, 1, 2, 7, 14, 30, 91, 182, 365, 730, 1826, 3652];
const dateTicks = (low, high, count) => {
  const step = dateSteps.find((each) => (high - low) / each <= Math.max(count, 1)) ?? dateSteps.at(-1);
  const first = Math.ceil(low / step - 1e-6);
  return Array.from({ length: Math.max(0, Math.floor(high / step + 1e-6) - first + 1) }, (_, i) => (first + i) * step);
};
const dateText = (days) => {
  const [date, time] = new Date(Math.round(days * 1440) * 60000).toISOString().split("T");
  return time.startsWith("00:00") ? date.slice(2) : time.slice(0, 5);
};
// A function from values to pixels between `from` and `to`, with its ticks.
const chartScale = (values, from, to, isLog, spacing, isDate = false) => {
  const forward = (value) => (isLog ? Math.log10(value) : value);
  let low = Infinity, high = -Infinity;
  for (const value of values) [low, high] = [Math.min(low, forward(value)), Math.max(high, forward(value))];
  if (low > high) [low, high] = [0, 1];
  const rest = (high - low) * 0.06 || Math.abs(low) * 0.05 || 0.5;
  [low, high] = [low - rest, high + rest];
  const scale = (value) => Math.round((from + ((forward(value) - low) / (high - low)) * (to - from)) * 100) / 100;
  const count = Math.floor(Math.abs(to - from) / spacing);
  scale.ticks = (isDate ? dateTicks : isLog ? logTicks : linearTicks)(low, high, count);
  scale.text = isDate ? dateText : tickText;
  return scale;
};
const axisLabelLines = (label, left, right) => brokenText(label, right - left + 2 * Math.min(20, left));
const axisBelow = (scale, left, right, y, label) => {
  const group = svgNode("g", {}, svgLine(left, y, right, y, { "stroke-width": 0.8 }));
  for (const tick of scale.ticks) {
    group.append(svgLine(scale(tick), y, scale(tick), y + 4), svgText(scale.text(tick), scale(tick), y + 17, { "text-anchor": "middle" }));
  }
  for (const [i, line] of axisLabelLines(label, left, right).entries()) {
    group.append(svgText(line, (left + right) / 2, y + 34 + 15 * i, { "text-anchor": "middle" }));
  }
  return group;
};
// The title, grid and axes of a chart with values in two directions; returns its scales too.
const chartFrame = (chart, state, xs, ys) => {
  const titles = brokenText(chart.title, state.width, 600);
  const [top, bottom, right] = [16 * titles.length + 8, state.height - 42, state.width - 10];
  const y = chartScale(ys, bottom, top, state.logs.y, 30);
  const left = 10 + Math.max(16, ...y.ticks.map((tick) => textWidth(tickText(tick))));
  const x = chartScale(xs, left, right, state.logs.x, 64, chart.kind === "trend");
  const frame = svgNode("g", {}, ...titles.map((line, i) => svgText(line, 0, 12 + 16 * i, { "font-weight": 600 })));
  for (const tick of y.ticks) {
    frame.append(svgLine(left, y(tick), right, y(tick), { opacity: 0.15 }), svgText(tickText(tick), left - 6, y(tick) + 4, { "text-anchor": "end" }));
  }
  frame.append(axisBelow(x, left, right, bottom, chart.x.label));
  return { frame, x, y, left, right, top, bottom };
};
const drawLines = (chart, state) => {
  const shown = chart.series.filter((series) => !state.hidden.has(series.name));
  const ys = shown.flatMap((series) => series.lines.flatMap((line) => line.values.filter((value) => value !== null)));
  if (shown.some((series) => series.is_filled) && !state.logs.y) ys.push(0);
  const place = chartFrame(chart, state, [...chart.xs, ...chart.rules.map((rule) => rule.x)], ys);
  const marks = [];
  for (const rule of chart.rules) {
    const x = place.x(rule.x);
    const isLeft = x + 6 + textWidth(rule.name) < place.right;
    place.frame.append(svgLine(x, place.top, x, place.bottom, { "stroke-dasharray": "4 3", opacity: 0.8 }),
      svgText(rule.name, x + (isLeft ? 5 : -5), place.top + 10, { "text-anchor": isLeft ? "start" : "end" }));
  }
  for (const series of shown) {
    const group = svgNode("g", { "data-series": series.name });
    const hasMean = series.lines.some((line) => line.is_mean);
    for (const line of series.lines) {
      const spots = chart.xs.map((x, i) => [x, line.values[i]]).filter(([, y]) => y !== null)
        .map(([x, y]) => ({ x: place.x(x), y: place.y(y), line: `${series.name} ${line.name}`, colour: series.style.colour,
          text: () => [`${series.name}, ${line.name}`, `${numberText(x)} ${chart.x.label}: ${numberText(y)}`] }));
      const isThin = hasMean && !line.is_mean;
      const path = spots.map((spot, i) => `${i ? "L" : "M"}${spot.x} ${spot.y}`).join("");
      if (series.is_filled && spots.length) {
        group.append(svgNode("path", { d: `${path}L${spots.at(-1).x} ${place.bottom}L${spots[0].x} ${place.bottom}Z`, fill: series.style.colour, opacity: 0.25 }));
      }
      group.append(svgNode("path", {
        d: path, fill: "none", stroke: series.style.colour,
        "stroke-dasharray": chartDashes[series.dash % chartDashes.length], "stroke-linejoin": "round",
        "stroke-width": line.is_mean ? 2 : 1.2, opacity: isThin ? 0.4 : 0.9,
      }));
      if (line.is_mean && series.has_markers) group.append(...spots.map((spot) => svgMarker(series.style, spot.x, spot.y)));
      marks.push(...spots);
    }
    place.frame.append(group);
  }
  return { nodes: [place.frame], marks };
};
const drawTrend = (chart, state) => {
  const shown = chart.series.filter((series) => !state.hidden.has(series.name));
  const points = shown.flatMap((series) => series.lines.flatMap((line) => line.points));
  const ys = points.flatMap((point) => [point.y, ...(point.interval ?? [])]).filter((y) => !state.logs.y || y > 0);
  const place = chartFrame(chart, state, points.map((point) => point.x), ys);
  const marks = [];
  for (const series of shown) {
    const { colour } = series.style;
    const group = svgNode("g", { "data-series": series.name });
    for (const line of series.lines) {
      const spots = line.points.map((point) => ({ x: place.x(point.x), y: place.y(point.y), line: `${series.name} ${line.name}`, colour, point,
        text: () => [series.name, line.name, `${numberText(point.y)}${point.interval ? ` [${point.interval.map(numberText).join(", ")}]` : ""}`, point.note] }));
      group.append(svgNode("path", { d: spots.map((spot, i) => `${i ? "L" : "M"}${spot.x} ${spot.y}`).join(""), fill: "none", stroke: colour,
        "stroke-width": 1.6, "stroke-dasharray": chartDashes[line.dash % chartDashes.length] }));
      for (const { x, y, point } of spots) {
        const ends = point.interval?.map((end) => place.y(state.logs.y && end <= 0 ? point.y : end));
        if (ends) group.append(svgLine(x, ends[0], x, ends[1], { stroke: colour, "stroke-width": 1.5, opacity: 0.5 }));
        group.append(svgMarker(series.style, x, y));
      }
      marks.push(...spots);
    }
    place.frame.append(group);
  }
  return { nodes: [place.frame], marks };
};
const drawPoints = (chart, state) => {
  const shown = chart.points.filter((point) => !state.hidden.has(point.name));
  const between = (axis) => shown.flatMap((point) => [point[axis], ...(point[`${axis}_interval`] ?? [])])
    .filter((value) => !state.logs[axis] || value > 0);
  const place = chartFrame(chart, state, between("x"), between("y"));
  const at = new Map(shown.map((point) => [point.name, [place.x(point.x), place.y(point.y)]]));
  const front = chart.front.filter((name) => at.has(name)).map((name) => at.get(name).join(" "));
  if (front.length > 1) place.frame.append(svgNode("path", { d: `M${front.join("L")}`, fill: "none", stroke: "currentColor", "stroke-dasharray": "4 3", opacity: 0.45 }));
  const marks = shown.map((point) => {
    const [x, y] = at.get(point.name);
    const group = svgNode("g", { "data-series": point.name });
    const ends = (axis) => point[`${axis}_interval`]?.map((end) => place[axis](state.logs[axis] && end <= 0 ? point[axis] : end));
    const [across, up] = [ends("x"), ends("y")];
    const bar = { stroke: point.style.colour, "stroke-width": 1.5, opacity: 0.6 };
    if (across) group.append(svgLine(across[0], y, across[1], y, bar));
    if (up) group.append(svgLine(x, up[0], x, up[1], bar));
    group.append(svgMarker(point.style, x, y));
    place.frame.append(group);
    const written = (axis) => `${chart[axis].label}: ${numberText(point[axis])}` +
      (point[`${axis}_interval`] ? ` [${point[`${axis}_interval`].map(numberText).join(", ")}]` : "");
    return { x, y, line: point.name, colour: point.style.colour, text: () => [point.name, written("y"), written("x")] };
  });
  place.frame.append(...pointNames(chart, marks, place));
  return { nodes: [place.frame], marks };
};
// The names of points, the front's first, each where it covers no point and no other name; a name
// without such a place is in the legend alone.
const pointNames = (chart, marks, place) => {
  const taken = marks.map(({ x, y }) => [x - 6, y - 6, x + 6, y + 6]);
  const isFree = ([left, top, right, bottom]) => left >= 0 && right <= place.right + 10 && top >= place.top - 8 && bottom <= place.bottom - 2 &&
    taken.every((other) => right < other[0] || left > other[2] || bottom < other[1] || top > other[3]);
  const names = [];
  for (const mark of [...marks].sort((a, b) => chart.front.includes(b.line) - chart.front.includes(a.line))) {
    const width = textWidth(mark.line);
    const spots = [-6, 15].flatMap((up) => [8, -8 - width].map((side) => [mark.x + side, mark.y + up]));
    const boxOf = ([x, y]) => [x, y - 11, x + width, y + 3];
    const spot = spots.find((each) => isFree(boxOf(each)));
    if (!spot) continue;
    taken.push(boxOf(spot));
    names.push(svgText(mark.line, ...spot));
  }
  return names;
};
// A column of labels (above the rows where there is no room for one), intervals drawn, and intervals
// in words.
const drawForest = (chart, state) => {
  const words = Math.max(...chart.rows.map((row) => textWidth(row.text))) + 16;
  const isWide = state.width >= 560;
  const labels = isWide ? Math.min(Math.max(...chart.rows.map((row) => textWidth(row.label))) + 16, 0.45 * state.width) : 8;
  const [left, right] = [labels, state.width - words];
  const values = chart.rows.flatMap((row) => [row.value, row.low, row.high, row.null, ...row.limits]);
  const x = chartScale(values, left, right, state.logs.x, 58);
  const [group, marks] = [svgNode("g"), []];
  let top = 4;
  for (const row of chart.rows) {
    const lines = brokenText(row.label, isWide ? labels - 12 : state.width);
    const above = isWide ? 0 : 15 * lines.length + 2;
    const height = isWide ? Math.max(26, 15 * lines.length + 8) : 24;
    const middle = top + above + height / 2;
    const first = isWide ? middle + 4 - 7.5 * (lines.length - 1) : top + 12;
    const vertical = (value, dash) => svgLine(x(value), top + above, x(value), top + above + height, { "stroke-dasharray": dash, opacity: 0.75 });
    group.append(
      ...lines.map((line, i) => svgText(line, 0, first + 15 * i)),
      vertical(row.null, ""), ...row.limits.map((limit) => vertical(limit, "3 2")),
      svgLine(x(row.low), middle, x(row.high), middle, { stroke: chart.colour, "stroke-width": 3 }),
      svgNode("circle", { cx: x(row.value), cy: middle, r: 4.5, fill: chart.colour }),
      svgText(row.text, state.width, middle + 4, { "text-anchor": "end" }),
    );
    marks.push({ x: x(row.value), y: middle, line: "rows", colour: chart.colour, text: () => [row.label, row.text] });
    top += above + height + (isWide ? 0 : 6);
  }
  group.append(axisBelow(x, left, right, top + 2, chart.x.label));
  state.height = top + 40 + 15 * (axisLabelLines(chart.x.label, left, right).length - 1);
  return { nodes: [group], marks };
};
// A column of labels (above the rows where there is no room for one), and a dot a value; means are
// strokes, and what has no number a cross at the right end.
const drawDots = (chart, state) => {
  const isWide = state.width >= 560;
  const lost = Math.max(...chart.rows.map((row) => row.failures.length));
  const labels = isWide ? Math.min(Math.max(...chart.rows.map((row) => textWidth(row.label))) + 16, 0.45 * state.width) : 8;
  const right = state.width - 10 - (lost ? 14 * lost + 10 : 0);
  const values = chart.rows.flatMap((row) => [...row.values.map(([, value]) => value), ...(row.interval ?? [])])
    .concat(chart.floor ?? []).filter((value) => !state.logs.x || value > 0);
  const hasFloor = chart.floor !== null && !(state.logs.x && chart.floor <= 0);
  const x = chartScale(values, labels, right, state.logs.x, 58);
  const bounded = (value) => (state.logs.x && value <= 0 ? labels : Math.min(Math.max(x(value), labels), right));
  const titles = brokenText(chart.title, state.width, 600);
  const group = svgNode("g", {}, ...titles.map((line, i) => svgText(line, 0, 12 + 16 * i, { "font-weight": 600 })));
  const marks = [];
  let top = 16 * titles.length + 8;
  for (const row of chart.rows) {
    const lines = brokenText(row.label, isWide ? labels - 12 : state.width);
    const above = isWide ? 0 : 15 * lines.length + 2;
    const height = isWide ? Math.max(26, 15 * lines.length + 8) : 22;
    const middle = top + above + height / 2;
    const first = isWide ? middle + 4 - 7.5 * (lines.length - 1) : top + 12;
    const { colour } = row.style;
    group.append(...lines.map((line, i) => svgText(line, 0, first + 15 * i)), svgLine(labels, middle, right, middle, { opacity: 0.12 }));
    if (hasFloor) group.append(svgLine(x(chart.floor), top + above, x(chart.floor), top + above + height, { "stroke-dasharray": "3 2", opacity: 0.75 }));
    if (row.interval) group.append(svgLine(bounded(row.interval[0]), middle, bounded(row.interval[1]), middle, { stroke: colour, "stroke-width": 2, opacity: 0.6 }));
    if (row.mean !== null && row.values.length > 1) group.append(svgLine(x(row.mean), middle - 9, x(row.mean), middle + 9, { stroke: colour, "stroke-width": 2 }));
    const words = row.mean === null ? [] : [`mean ${numberText(row.mean)}${row.interval ? ` [${row.interval.map(numberText).join(", ")}]` : ""}`];
    const taken = [];
    for (const [name, value] of row.values) {
      const y = middle + [0, -5, 5, -9, 9][taken.filter((other) => Math.abs(other - x(value)) < 5).length % 5];
      taken.push(x(value));
      group.append(svgNode("circle", { cx: x(value), cy: y, r: 4, fill: colour, "fill-opacity": 0.75 }));
      marks.push({ x: x(value), y, line: row.label, colour, text: () => [row.label, `${name}: ${numberText(value)}`, ...words] });
    }
    row.failures.forEach((failure, i) => {
      const at = right + 17 + 14 * i;
      group.append(svgNode("path", { d: `M${at - 4} ${middle - 4}l8 8m0 -8l-8 8`, stroke: colour, "stroke-width": 2 }));
      marks.push({ x: at, y: middle, line: row.label, colour, text: () => [row.label, failure] });
    });
    top += above + height + (isWide ? 0 : 6);
  }
  group.append(axisBelow(x, labels, right, top + 2, chart.x.label));
  state.height = top + 40 + 15 * (axisLabelLines(chart.x.label, labels, right).length - 1);
  return { nodes: [group], marks };
};
// Points over a picture of their density; both axes have one scale.
const drawScatter = (chart, state) => {
  const side = Math.min(state.width, 420);
  state.height = side + 18;
  const place = chartFrame(chart, { ...state, width: side }, [chart.low, chart.high], [chart.low, chart.high]);
  const [left, right, top, bottom] = [place.x(chart.low), place.x(chart.high), place.y(chart.high), place.y(chart.low)];
  const marks = [];
  place.frame.append(svgNode("image", { href: chart.background, x: left, y: top, width: right - left, height: bottom - top, preserveAspectRatio: "none" }));
  for (const series of chart.series.filter((each) => !state.hidden.has(each.name))) {
    const group = svgNode("g", { "data-series": series.name });
    series.xs.forEach((value, i) => {
      const other = series.ys[i];
      if (Math.min(value, other) < chart.low || Math.max(value, other) > chart.high) return;
      const [x, y] = [place.x(value), place.y(other)];
      group.append(svgNode("circle", { cx: x, cy: y, r: 1.8, fill: series.style.colour, "fill-opacity": 0.7 }));
      marks.push({ x, y, line: series.name, colour: series.style.colour, text: () => [series.name, `${numberText(value)}, ${numberText(other)}`] });
    });
    place.frame.append(group);
  }
  return { nodes: [place.frame], marks };
};
const drawings = { lines: drawLines, trend: drawTrend, points: drawPoints, forest: drawForest, dots: drawDots, scatter: drawScatter };
