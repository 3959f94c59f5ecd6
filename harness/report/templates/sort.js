// A click on a column's header sorts its table, the best values first, and the next click the other
// way; cells without a number stay last.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const header = button.closest("th");
    const body = header.closest("table").tBodies[0];
    const order = header.getAttribute("aria-sort");
    const first = "falls" in button.dataset ? "descending" : "ascending";
    const up = order ? order !== "ascending" : first === "ascending";
    for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[header.cellIndex].dataset.sort ?? "";
    body.append(...[...body.rows].sort((a, b) => compareKeys(key(a), key(b), up ? 1 : -1)));
  });
}
// A link to a folded place opens it.
const unfold = () => {
  const place = document.getElementById(location.hash.slice(1));
  const details = place?.closest("details") ?? place?.querySelector("details.fold");
  if (details) details.open = true;
};
addEventListener("hashchange", unfold);
unfold();
unfoldForPrint("details");
