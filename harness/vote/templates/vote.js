"use strict";
// Shows one pair after the other, and keeps the choices in the browser until they are saved.
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const store = "harness-votes-" + data.page;
let votes = kept();
let shownAt = performance.now();
let saved = true;

// A page that is loaded again has the tab's history, one that is opened again what the browser
// stored: on a busy machine a browser may not have stored yet, or read back nothing.
function kept() {
  const found = history.state?.[store] ?? stored();
  return Array.isArray(found) ? found.slice(0, data.pairs.length) : [];
}

function stored() {
  try { return JSON.parse(localStorage.getItem(store)); } catch { return null; }
}

function keep() {
  try { history.replaceState({ [store]: votes }, ""); } catch { /* too often, says the browser */ }
  try { localStorage.setItem(store, JSON.stringify(votes)); } catch { /* a private window */ }
}

function show() {
  const done = votes.length >= data.pairs.length;
  find("done").hidden = !done;
  for (const id of ["pair", "examples"]) find(id).hidden = done;
  for (const id of ["left", "right", "tie"]) find(id).disabled = done;
  find("pair").style.display = done ? "none" : "";
  find("undo").disabled = !votes.length;
  find("save").querySelector("button").disabled = !votes.length;
  document.querySelector("progress").value = votes.length;
  find("count").textContent = `${votes.length} of ${data.pairs.length}`;
  if (!done) {
    const [left, right, dataset] = data.pairs[votes.length];
    find("left").firstElementChild.src = data.images[left];
    find("right").firstElementChild.src = data.images[right];
    const examples = data.examples[dataset];
    find("examples").firstElementChild.textContent = `Real ones: ${examples.title}`;
    find("examples").lastElementChild.src = examples.image;
  }
  shownAt = performance.now();
}

function choose(choice) {
  if (votes.length >= data.pairs.length) return;
  const seconds = Math.round(performance.now() - shownAt) / 1000;
  votes.push({ pair: votes.length, choice, seconds });
  saved = false;
  keep();
  show();
}

function undo() {
  if (!votes.pop()) return;
  saved = false;
  keep();
  show();
}

function save(event) {
  event.preventDefault();
  const voter = find("voter").value.trim();
  const file = {
    harness_votes: 1, page: data.page, run: data.run, suite: data.suite, voter, votes,
  };
  const link = document.createElement("a");
  const name = voter.replace(/[^\p{L}\p{N}]+/gu, "-") || "votes";
  link.href = URL.createObjectURL(
    new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }));
  link.download = `${name}-${data.page.slice(0, 8)}.json`;
  link.click();
  saved = true;
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const keys = {
  ArrowLeft: () => choose("left"), ArrowRight: () => choose("right"),
  " ": () => choose("tie"), Backspace: undo,
};
document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT" || event.repeat || event.metaKey || event.ctrlKey) return;
  const act = keys[event.key];
  if (act) { event.preventDefault(); act(); }
});
for (const id of ["left", "right", "tie"]) find(id).addEventListener("click", () => choose(id));
find("undo").addEventListener("click", undo);
find("save").addEventListener("submit", save);
window.addEventListener("beforeunload", (event) => { if (!saved) event.preventDefault(); });
show();
