// What several pages share; it stands before the script of the page.
// Orders the keys of two cells: with the sign 1 the smaller one first, with -1 the larger. Empty keys
// stay last both ways.
const compareKeys = (x, y, sign) => {
  if (x === "" || y === "") return (x === "") - (y === "");
  return sign * (isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y);
};
// Returns a function that says whether a text has all words of a search.
const matcher = (search) => {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return (text) => words.every((word) => text.toLowerCase().includes(word));
};
// Puts a state into the address; a `step` is one that the browser's back button takes back.
const keepInAddress = (state, isStep = false) => {
  const text = state.toString();
  if (isStep && text === location.hash.slice(1)) return;
  const address = text ? `#${text}` : location.pathname + location.search;
  history[isStep ? "pushState" : "replaceState"](null, "", address);
};
// Paper has no clicks: what is folded is opened for printing.
const unfoldForPrint = (selector) => addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll(selector)) details.open = true;
});
const saveFile = (name, content, type) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
// RFC 4180; a text that a spreadsheet would take for a formula gets an apostrophe.
const csvField = (value) => {
  const text = isNaN(value) && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
