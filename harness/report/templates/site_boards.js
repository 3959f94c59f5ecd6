// Boards across suites: columns, filters and order stay in the address, so that a link has the view.
const $ = (id) => document.getElementById(id);
const boards = [...document.querySelectorAll("table.board")];
const fields = ["text", "dataset", "family", "budget", "first", "second"].map($);
const ticks = [...document.querySelectorAll("input[name=column]")];
const order = new Map(); // by table: [column, "best" or "worst"]
const starts = new Map(boards.map((table) => [table.dataset.name, [table.dataset.sort, "best"]]));
const flip = { ascending: "descending", descending: "ascending" };
const allRows = (table) => [...table.tBodies].flatMap((body) => [...body.rows]);
const shownRows = (table) => allRows(table).filter((row) => !row.hidden);
const shownModels = (table) => shownRows(table).filter((row) => row.dataset.index);
const shownColumns = (table) =>
  [...table.tHead.rows[0].cells].filter((head) => !head.hidden && head.dataset.metric);
const cellOf = (row, head) => row.cells[head.cellIndex];

function read() {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const field of fields) {
    field.value = state.get(field.id) ?? "";
    if (field.selectedIndex === -1) field.value = "";
  }
  const columns = (state.get("columns") ?? "").split(",");
  for (const tick of ticks) tick.checked = columns.includes(tick.value);
  order.clear();
  for (const each of state.getAll("sort")) {
    const [name, column, end] = each.split("~");
    if (starts.has(name)) order.set(name, [column, end === "worst" ? "worst" : "best"]);
  }
}

function write(isStep) {
  const state = new URLSearchParams();
  for (const field of fields) if (field.value) state.set(field.id, field.value);
  const columns = ticks.filter((tick) => tick.checked).map((tick) => tick.value);
  if (columns.length) state.set("columns", columns.join(","));
  for (const [name, each] of order) state.append("sort", [name, ...each].join("~"));
  keepInAddress(state, isStep);
}

function sort(table) {
  const start = starts.get(table.dataset.name);
  let [column, end] = order.get(table.dataset.name) ?? start;
  const heads = [...table.tHead.rows[0].cells];
  let head = heads.find((each) => each.dataset.column === column);
  if (!head) [head, end] = [heads.find((each) => each.dataset.column === start[0]), "best"];
  for (const each of heads) each.removeAttribute("aria-sort");
  const { direction } = head.dataset;
  head.setAttribute("aria-sort", end === "best" ? direction : flip[direction] ?? direction);
  const key = (row) => cellOf(row, head).dataset.order ?? "";
  const sign = end === "best" ? 1 : -1;
  const compare = (a, b) =>
    compareKeys(key(a), key(b), sign) || a.dataset.index - b.dataset.index;
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
}

function choose(table, columns) {
  for (const head of table.tHead.rows[0].cells) {
    const { metric } = head.dataset;
    const fits = columns.length ? columns.includes(metric) : "default" in head.dataset;
    head.hidden = Boolean(metric) && !fits;
  }
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...allRows(table), ...(table.tFoot?.rows ?? [])];
  for (const row of rows) for (const head of heads) cellOf(row, head).hidden = head.hidden;
  const trends = [...table.closest(".whole").querySelectorAll("[data-trend]")];
  for (const each of trends) each.hidden = heads.find((head) => head.dataset.column === each.dataset.trend).hidden;
  const fold = trends[0]?.closest("details");
  if (fold) fold.hidden = trends.every((each) => each.hidden);
}

function filter(table) {
  const [text, , family, budget] = fields.map((field) => field.value);
  const matches = matcher(text);
  const heads = shownColumns(table);
  for (const row of allRows(table)) {
    const fits = matches(row.dataset.text)
      && (!family || row.dataset.family === family) && (!budget || row.dataset.budget === budget);
    row.hidden = !fits || heads.every((head) => ["", "–", "n/a"].includes(cellOf(row, head).textContent.trim()));
  }
}

function floors(table) {
  const heads = shownColumns(table);
  for (const row of table.tFoot?.rows ?? []) {
    row.hidden = heads.every((head) => cellOf(row, head).textContent.trim() === "–");
  }
}

function show() {
  const columns = ticks.filter((tick) => tick.checked);
  let [rows, all] = [0, 0];
  for (const table of boards) {
    const whole = table.closest(".whole");
    whole.hidden = false;
    choose(table, columns.map((tick) => tick.value));
    for (const row of allRows(table)) row.hidden = false;
    filter(table);
    floors(table);
    sort(table);
    const dataset = table.closest("section").dataset.dataset;
    whole.hidden = !shownRows(table).length || !shownColumns(table).length
      || ($("dataset").value !== "" && $("dataset").value !== dataset);
    rows += whole.hidden ? 0 : shownRows(table).length;
    all += allRows(table).length;
    if (whole.querySelector(".wins").open) wins(table);
  }
  for (const section of document.querySelectorAll("section.dataset")) {
    section.hidden = [...section.querySelectorAll(".whole")].every((whole) => whole.hidden);
  }
  duel();
  $("shown").textContent = `${rows} of ${all} rows`;
  $("chosen").textContent = columns.length
    ? columns.map((tick) => tick.parentElement.textContent.trim()).join(", ")
    : "those with the most models";
}

function made(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function winCell(a, b, heads) {
  const pairs = heads.map((head) => [cellOf(a, head).dataset, cellOf(b, head).dataset])
    .filter(([x, y]) => "ranked" in x && "ranked" in y);
  if (a === b || !pairs.length) return made("td", "");
  const apart = (x, row) => (x.over ?? "").split(" ").includes(row.dataset.index);
  const better = pairs.filter(([x, y]) => Number(x.order) < Number(y.order)).length;
  const surely = pairs.filter(([x]) => apart(x, b)).length;
  const reverse = pairs.filter(([, y]) => apart(y, a)).length;
  const cell = made("td", `${better} of ${pairs.length}`, surely > reverse ? { class: "best" } : {});
  if (surely) cell.append(made("span", `${surely} told apart`, { class: "more" }));
  return cell;
}

function wins(table) {
  const [rows, heads] = [shownModels(table), shownColumns(table)];
  const matrix = document.createElement("table");
  const top = matrix.createTHead().insertRow();
  top.append(made("th", "better than →", { scope: "col" }));
  rows.forEach((row, i) =>
    top.append(made("th", i + 1, { scope: "col", title: row.dataset.label })));
  const body = matrix.createTBody();
  rows.forEach((row, i) => {
    const line = body.insertRow();
    line.append(made("th", `${i + 1} ${row.dataset.label}`, { scope: "row" }));
    line.append(...rows.map((other) => winCell(row, other, heads)));
  });
  table.closest(".whole").querySelector(".wins .scroll").replaceChildren(matrix);
}

// Which rows of two models are compared: of one budget, and of one report where there are such.
function opponents(table, first, second) {
  const budget = $("budget").value;
  const of = (name) => allRows(table).filter((row) => row.dataset.index && row.dataset.name === name
    && (!budget || row.dataset.budget === budget));
  const pairs = of(first).flatMap((a) => of(second).map((b) => [a, b]))
    .filter(([a, b]) => a.dataset.budget === b.dataset.budget);
  const together = pairs.filter(([a, b]) =>
    a.dataset.reports.split(" ").some((name) => b.dataset.reports.split(" ").includes(name)));
  return together.length ? together : pairs;
}

const seedsOf = (cell) => new Map((cell.bySeed ?? "").split(" ").filter(Boolean).map((each) => each.split(":")));

// Counts of the columns that are shown: [boards, won, surely, lost, surely, pairs of seeds, won, lost].
function duelCounts(a, b, heads) {
  const counts = [0, 0, 0, 0, 0, 0, 0, 0];
  for (const head of heads) {
    const [x, y] = [cellOf(a, head).dataset, cellOf(b, head).dataset];
    if (!("bySeed" in x && "bySeed" in y)) continue;
    const beats = (cell, row) => (cell.over ?? "").split(" ").includes(row.dataset.index);
    const order = Number(x.order) - Number(y.order);
    const [mine, theirs] = [seedsOf(x), seedsOf(y)];
    const pairs = [...mine].filter(([seed]) => theirs.has(seed)).map(([seed, value]) => value - theirs.get(seed));
    [1, order < 0, beats(x, b), order > 0, beats(y, a), pairs.length,
      pairs.filter((each) => each < 0).length, pairs.filter((each) => each > 0).length]
      .forEach((each, i) => { counts[i] += Number(each); });
  }
  return counts;
}

const share = (part, whole) => (whole ? `${part} of ${whole}, ${Math.round((100 * part) / whole)}\u00a0%` : "–");

function duelRow(name, [boardCount, won, surely, lost, surelyLost, seeds, seedsWon, seedsLost]) {
  const row = document.createElement("tr");
  const cell = (part, whole, apart) => {
    const each = made("td", share(part, whole));
    if (apart !== undefined) each.append(made("span", `${apart} told apart`, { class: "more" }));
    return each;
  };
  row.append(made("th", name, { scope: "row" }), cell(won, boardCount, surely), cell(lost, boardCount, surelyLost),
    cell(seedsWon, seeds), cell(seedsLost, seeds));
  return row;
}

function duel() {
  const [first, second] = [$("first").value, $("second").value];
  const place = document.querySelector("#duel .scroll");
  place.replaceChildren();
  if (!first || !second || first === second) {
    place.append(made("p", "Choose two models.", { class: "soft small" }));
    return;
  }
  $("duel").open = true;
  const lines = boards.filter((table) => [table.closest("section").dataset.dataset, ""].includes($("dataset").value))
    .flatMap((table) => opponents(table, first, second).map(([a, b]) => [table, a, b, duelCounts(a, b, shownColumns(table))]))
    .filter(([, , , [count]]) => count);
  if (!lines.length) {
    place.append(made("p", "No column shown has both of them with one budget.", { class: "soft small" }));
    return;
  }
  const matrix = made("table", "");
  matrix.createTHead().insertRow().append(...["on", `columns: ${first} better`, `columns: ${second} better`,
    `seeds: ${first} better`, `seeds: ${second} better`].map((text) => made("th", text, { scope: "col" })));
  const total = lines.reduce((sum, line) => sum.map((each, i) => each + line[3][i]), Array(8).fill(0));
  const body = matrix.createTBody();
  body.append(...lines.map(([table, a, b, counts]) => duelRow(
    `${table.closest("section").dataset.dataset}: ${a.dataset.label}, ${b.dataset.label}`, counts)));
  if (lines.length > 1) matrix.createTFoot().append(duelRow("together", total));
  place.append(matrix);
}

function csv(table) {
  const names = "dataset,model,images,metric,value,low,high,seeds,rank,reports,protocol";
  const { dataset } = table.closest("section").dataset;
  const lines = shownRows(table).flatMap((row) => shownColumns(table).map((head) => {
    const cell = cellOf(row, head).dataset;
    if (!("value" in cell)) return null;
    return [dataset, row.dataset.label, row.dataset.budget, head.dataset.metric, cell.value,
      cell.low ?? "", cell.high ?? "", cell.seeds, cell.rank ?? "", cell.sources,
      head.dataset.protocol].map(csvField).join(",");
  }));
  return [names, ...lines.filter(Boolean)].join("\n") + "\n";
}

const signs = {
  "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "$": "\\$", "&": "\\&", "#": "\\#", "%": "\\%",
  "_": "\\_", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}",
  ">": "\\textgreater{}", "|": "\\textbar{}", "[": "{[}", "]": "{]}", "−": "$-$", "\u202f": "\\,",
  "\u00a0": "~", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "→": "$\\rightarrow$", "–": "--", "×": "$\\times$",
};
const latex = (text) => [...text.replace(/[ \n\t]+/g, " ").trim()].map((sign) => signs[sign] ?? sign).join("");

function latexCell(cell) {
  const value = cell.querySelector(".value");
  if (!value) return latex(cell.textContent);
  const interval = "low" in cell.dataset ? cell.querySelector(".more").textContent : "";
  const text = latex(value.textContent);
  const bold = cell.classList.contains("best") ? `\\textbf{${text}}` : text;
  return interval.startsWith("[") ? `${bold} ${latex(interval)}` : bold;
}

function tex(table) {
  const heads = shownColumns(table);
  const { dataset } = table.closest("section").dataset;
  const titles = heads.map((head) => latex(head.querySelector("button").textContent));
  const lines = (rows) => rows.map((row) => {
    const marks = [...row.querySelectorAll("th .trouble")].map((mark) => ` (${mark.textContent})`);
    const cells = [row.dataset.label + marks.join(""), row.cells[1].firstChild?.textContent ?? ""].map(latex);
    return [...cells, ...heads.map((head) => latexCell(cellOf(row, head)))].join(" & ") + " \\\\";
  });
  const real = shownRows(table).filter((row) => !row.dataset.index);
  const foot = [...(table.tFoot?.rows ?? [])].filter((row) => !row.hidden).map((row) => [`\\emph{${latex(row.cells[0].textContent)}}`, "",
    ...heads.map((head) => latex(cellOf(row, head).textContent))].join(" & ") + " \\\\");
  return ["% \\usepackage{booktabs} in the preamble.", "\\begin{table}", "\\centering",
    `\\caption{${latex(dataset)}: means with 95\\,\\% t intervals over training seeds; bold: first tier.}`,
    `\\begin{tabular}{l${"r".repeat(heads.length + 1)}}`, "\\toprule",
    `${["model", "images shown", ...titles].join(" & ")} \\\\`, "\\midrule", ...lines(shownModels(table)),
    ...(real.length ? ["\\midrule", ...lines(real)] : []),
    ...(foot.length ? ["\\midrule", ...foot] : []), "\\bottomrule", "\\end{tabular}",
    ...heads.map((head, i) => `\\par\\footnotesize ${titles[i]}: ${latex(head.dataset.protocol)}`),
    "\\end{table}", ""].join("\n");
}

function bib(table) {
  const parts = [...shownRows(table), ...shownColumns(table)];
  const keys = new Set(parts.flatMap((part) => (part.dataset.papers ?? "").split("|")));
  const papers = [...document.querySelectorAll("pre[data-paper]")];
  return papers.filter((paper) => keys.has(paper.dataset.paper))
    .map((paper) => `${paper.textContent.trim()}\n`).join("\n");
}

async function hand(text, name, status) {
  try {
    await navigator.clipboard.writeText(text);
    status.textContent = "Copied.";
  } catch { // no clipboard is permitted
    saveFile(name, text, "text/plain");
    status.textContent = `No clipboard is permitted here: saved as ${name}.`;
  }
}

for (const table of boards) {
  const whole = table.closest(".whole");
  for (const button of table.querySelectorAll("thead button")) {
    button.addEventListener("click", () => {
      const { name } = table.dataset;
      const { column } = button.closest("th").dataset;
      const [before, end] = order.get(name) ?? starts.get(name);
      order.set(name, [column, before === column && end === "best" ? "worst" : "best"]);
      write(true);
      sort(table);
      if (whole.querySelector(".wins").open) wins(table);
    });
  }
  for (const button of whole.querySelectorAll("[data-export]")) {
    const kind = button.dataset.export;
    button.addEventListener("click", () => hand(
      { csv, tex, bib }[kind](table), `${table.dataset.name}.${kind}`,
      button.parentElement.querySelector("[role=status]"),
    ));
  }
  whole.querySelector(".wins").addEventListener("toggle", (event) => event.target.open && wins(table));
}
// Links within the page keep the view in the address.
for (const link of document.querySelectorAll('main a[href^="#"], header a[href^="#"]')) {
  link.addEventListener("click", (event) => {
    const target = document.getElementById(link.hash.slice(1));
    event.preventDefault();
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
    target.focus({ preventScroll: true });
  });
}
$("controls").addEventListener("submit", (event) => event.preventDefault());
$("controls").addEventListener("input", (event) => { write(event.target.type !== "search"); show(); });
$("controls").addEventListener("reset", (event) => {
  event.preventDefault();
  for (const field of fields) field.value = "";
  for (const tick of ticks) tick.checked = false;
  order.clear();
  write(true);
  show();
});
unfoldForPrint("details.guide");
addEventListener("popstate", () => { read(); show(); });
for (const element of [$("controls"), ...document.querySelectorAll(".scripted")]) element.hidden = false;
read();
show();
const named = !location.hash.includes("=") && document.getElementById(location.hash.slice(1));
if (named) named.scrollIntoView();
