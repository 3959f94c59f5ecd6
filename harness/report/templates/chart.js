// Gives each figure its drawing, a legend that hides and shows, scales, files, and what the pointer
// or the arrow keys are at. A figure is drawn when it comes into sight, else when the browser has
// nothing to do or prints; one that is folded, when it is unfolded.
const legendEntries = (chart) => {
  if (chart.series) return chart.series;
  return chart.kind === "points" ? chart.points : [];
};
const legendKey = (entry, x, y) => {
  const nodes = [];
  if ("dash" in entry) nodes.push(svgLine(x, y, x + 22, y, { stroke: entry.style.colour, "stroke-width": 2, "stroke-dasharray": chartDashes[entry.dash % chartDashes.length] }));
  if (entry.has_markers ?? true) nodes.push(svgMarker(entry.style, x + 11, y));
  return nodes;
};
const chartButton = (text, title, act) => {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: text, title });
  button.addEventListener("click", act);
  return button;
};
const drawChart = (state) => {
  state.height = Math.round(Math.min(340, Math.max(230, state.width * 0.6)));
  const drawing = drawings[state.chart.kind](state.chart, state);
  state.marks = drawing.marks;
  state.mark = null;
  state.tip.hidden = true;
  state.svg.replaceChildren(...drawing.nodes);
  for (const [key, value] of Object.entries({ width: state.width, height: state.height, viewBox: `0 0 ${state.width} ${state.height}` })) state.svg.setAttribute(key, value);
};
// Shows what a mark says beside it; null shows nothing.
const showMark = (state, mark) => {
  state.mark = mark;
  state.svg.querySelector(".spot")?.remove();
  state.tip.hidden = !mark;
  if (!mark) return;
  state.svg.append(svgNode("circle", { class: "spot", cx: mark.x, cy: mark.y, r: 7, fill: "none", stroke: mark.colour, "stroke-width": 2 }));
  state.tip.replaceChildren(...mark.text().map((line, i) => {
    const node = document.createElement(i ? "span" : "strong");
    node.textContent = line;
    return node;
  }));
  const left = Math.min(Math.max(mark.x - state.tip.offsetWidth / 2, 0), state.width - state.tip.offsetWidth);
  const above = mark.y - state.tip.offsetHeight - 12;
  state.tip.style.left = `${Math.max(left, 0)}px`;
  state.tip.style.top = `${above > -40 ? above : mark.y + 14}px`;
};
const nearestMark = (state, event) => {
  const box = state.svg.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const across = state.chart.kind === "forest" ? 0 : 1;
  const distance = (mark) => across * (mark.x - x) ** 2 + (mark.y - y) ** 2;
  const nearest = state.marks.reduce((best, mark) => (best && distance(best) <= distance(mark) ? best : mark), null);
  return nearest && distance(nearest) < 40 ** 2 ? nearest : null;
};
// Left and right go along a line, up and down to the next one; of rows, up and down do all.
const steppedMark = (state, key) => {
  const [marks, mark] = [state.marks, state.mark];
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
  if (!mark) return marks[0] ?? null;
  const lines = [...new Set(marks.map((each) => each.line))];
  const isAlong = key === "ArrowRight" || key === "ArrowLeft" || lines.length === 1;
  if (isAlong && (state.chart.kind !== "points")) {
    const along = marks.filter((each) => each.line === mark.line);
    return along[along.indexOf(mark) + step] ?? mark;
  }
  const line = lines[lines.indexOf(mark.line) + step] ?? mark.line;
  return marks.filter((each) => each.line === line).reduce((best, each) => (Math.abs(best.x - mark.x) <= Math.abs(each.x - mark.x) ? best : each));
};
const makeLegend = (state) => {
  const legend = document.createElement("div");
  legend.className = "legend";
  for (const entry of legendEntries(state.chart)) {
    const button = chartButton("", "Hide or show", () => {
      const isHidden = !state.hidden.delete(entry.name);
      if (isHidden) state.hidden.add(entry.name);
      button.setAttribute("aria-pressed", String(!isHidden));
      drawChart(state);
    });
    button.setAttribute("aria-pressed", "true");
    button.append(svgNode("svg", { width: 30, height: 14, "aria-hidden": "true" }, ...legendKey(entry, 4, 7)), entry.name);
    const dim = (opacity) => () => {
      for (const group of state.svg.querySelectorAll("[data-series]")) if (group.dataset.series !== entry.name) group.style.opacity = opacity;
    };
    button.addEventListener("pointerenter", dim(0.15));
    button.addEventListener("pointerleave", dim(""));
    legend.append(button);
  }
  return legend;
};
const isPositive = (chart, axis) => {
  if (chart.kind === "lines") return axis === "y" && chart.series.every((series) => series.lines.every((line) => line.values.every((value) => value === null || value > 0)));
  if (chart.kind === "trend") return axis === "y" && chart.series.every((series) => series.lines.every((line) => line.points.every((point) => point.y > 0)));
  if (chart.kind === "points") return chart.points.every((point) => point[axis] > 0);
  if (chart.kind === "scatter") return false;
  if (chart.kind === "dots") return axis === "x" && chart.rows.every((row) => row.values.every(([, value]) => value > 0));
  return axis === "x" && chart.rows.every((row) => [row.value, row.low, row.null, ...row.limits].every((value) => value > 0));
};
const makeTools = (state) => {
  const tools = document.createElement("div");
  tools.className = "tools";
  for (const axis of ["x", "y"]) {
    if (!isPositive(state.chart, axis)) continue;
    const button = chartButton(`log ${axis}`, "Logarithmic or linear scale", () => {
      state.logs[axis] = !state.logs[axis];
      button.setAttribute("aria-pressed", String(state.logs[axis]));
      drawChart(state);
    });
    button.setAttribute("aria-pressed", String(state.logs[axis]));
    tools.append(button);
  }
  const { chart } = state;
  tools.append(
    chartButton("SVG", "Save the figure as SVG", () => saveFile(fileName(chart, "svg"), svgFile(state), "image/svg+xml")),
    chartButton("PNG", "Save the figure as PNG", () => savePng(state, fileName(chart, "png"))),
    chartButton("CSV", "Save the numbers as CSV", () => saveFile(fileName(chart, "csv"), csvFile(chart), "text/csv")),
  );
  return tools;
};
const fittingWidth = (width) => Math.max(240, Math.floor(width));
const makeChart = (figure, width) => {
  const chart = JSON.parse(figure.querySelector("script").textContent);
  const svg = svgNode("svg", { role: "img", tabindex: 0, "aria-label": `${chart.alt}. Arrow keys read values.` });
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  const state = { figure, chart, svg, tip, width: fittingWidth(width), hidden: new Set(), logs: { x: chart.x.is_log, y: chart.y?.is_log ?? false } };
  figure.querySelector("p").remove();
  figure.append(svg, tip, makeLegend(state), makeTools(state));
  svg.addEventListener("pointermove", (event) => showMark(state, nearestMark(state, event)));
  svg.addEventListener("pointerdown", (event) => showMark(state, nearestMark(state, event)));
  svg.addEventListener("pointerleave", () => showMark(state, null));
  svg.addEventListener("blur", () => showMark(state, null));
  svg.addEventListener("keydown", (event) => {
    if (event.key === "Escape") showMark(state, null);
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    showMark(state, steppedMark(state, event.key));
  });
  drawChart(state);
  new ResizeObserver(([entry]) => {
    const { width } = entry.contentRect;
    if (!width || fittingWidth(width) === state.width) return;
    state.width = fittingWidth(width);
    drawChart(state);
  }).observe(figure);
};
const undrawn = new Set(document.querySelectorAll("figure.chart"));
// Widths are read before anything is drawn: each drawing changes the layout.
const drawAll = (figures, widths) => {
  figures.forEach((figure, i) => {
    if (!undrawn.delete(figure)) return;
    figure.style.minHeight = "";
    makeChart(figure, widths[i]);
  });
};
const inSight = new IntersectionObserver((entries) => {
  const shown = entries.filter((entry) => entry.isIntersecting);
  for (const { target } of shown) inSight.unobserve(target);
  drawAll(shown.map((entry) => entry.target), shown.map((entry) => entry.boundingClientRect.width));
}, { rootMargin: "300px" });
for (const figure of undrawn) {
  figure.style.minHeight = figure.closest(".claim") ? "6rem" : "17rem"; // so that nothing jumps
  inSight.observe(figure);
}
const whenIdle = window.requestIdleCallback ?? ((draw) => setTimeout(draw, 50));
const drawNext = () => {
  const next = [...undrawn].find((figure) => figure.checkVisibility());
  if (!next) return;
  drawAll([next], [next.clientWidth]);
  whenIdle(drawNext);
};
whenIdle(drawNext);
addEventListener("beforeprint", () => {
  const figures = [...undrawn];
  drawAll(figures, figures.map((figure) => figure.clientWidth));
});
