// Makes the pictures of a dataset a browser: a tab a kind, models and seeds that are hidden and
// shown, and one place of all grids side by side.
const browserButton = (text, attributes) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(text);
  for (const [key, value] of Object.entries(attributes)) button.setAttribute(key, value);
  return button;
};
const makeTabs = (browser, panels) => {
  const list = document.createElement("div");
  list.className = "tabs";
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", `Pictures on ${browser.querySelector("h3").textContent}`);
  const tabs = panels.map((panel) => browserButton(panel.querySelector("h4").firstChild.textContent.trim(),
    { role: "tab", id: `tab-${panel.id}`, "aria-controls": panel.id }));
  const choose = (index) => {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === index));
      tab.tabIndex = i === index ? 0 : -1;
      panels[i].hidden = i !== index;
    });
    browser.dispatchEvent(new Event("shown"));
  };
  tabs.forEach((tab, i) => {
    panels[i].setAttribute("role", "tabpanel");
    panels[i].setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => choose(i));
    tab.addEventListener("keydown", (event) => {
      const next = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      const index = (next + tabs.length) % tabs.length;
      choose(index);
      tabs[index].focus();
    });
  });
  list.append(...tabs);
  choose(0);
  const show = () => {
    const index = panels.findIndex((panel) => panel.id === location.hash.slice(1));
    if (index >= 0) { choose(index); panels[index].scrollIntoView(); }
  };
  addEventListener("hashchange", show);
  show();
  return list;
};
const makeModelChips = (browser, groups) => {
  const chips = document.createElement("div");
  chips.className = "chips";
  chips.setAttribute("role", "group");
  chips.setAttribute("aria-label", "Models shown");
  for (const model of new Set(groups.map((group) => group.dataset.model))) {
    const ofModel = groups.filter((group) => group.dataset.model === model);
    const chip = browserButton(model, { "aria-pressed": "true" });
    chip.style.setProperty("--tone", ofModel[0].dataset.colour ?? "currentColor");
    chip.addEventListener("click", () => {
      const isShown = chip.getAttribute("aria-pressed") !== "true";
      chip.setAttribute("aria-pressed", String(isShown));
      for (const group of ofModel) group.hidden = !isShown;
      browser.dispatchEvent(new Event("shown"));
    });
    chips.append(chip);
  }
  return chips;
};
const makeSeedButtons = (browser, figures) => {
  const seeds = [...new Set(figures.map((figure) => figure.dataset.seed))];
  if (seeds.length < 2) return "";
  const box = document.createElement("div");
  box.className = "chips";
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Seed shown");
  const choose = (seed) => {
    for (const figure of figures) {
      const hasSeed = [...figure.parentElement.children].some((other) => other.dataset.seed === seed);
      figure.hidden = seed !== "all" && figure.dataset.seed !== (hasSeed ? seed : figure.parentElement.children[0].dataset.seed);
    }
    browser.classList.toggle("all-seeds", seed === "all");
    for (const button of box.children) button.setAttribute("aria-pressed", String(button.dataset.seed === seed));
    browser.dispatchEvent(new Event("shown"));
  };
  for (const seed of [...seeds, "all"]) {
    const button = browserButton(seed === "all" ? "all seeds" : `seed ${seed}`, { "data-seed": seed });
    button.addEventListener("click", () => choose(seed));
    box.append(button);
  }
  choose(seeds[0]);
  return box;
};
// One image of a grid, enlarged. Around each image is a line of one pixel.
const tileOf = (sheet, place) => {
  const image = sheet.querySelector("img");
  const [columns, rows] = [Number(sheet.dataset.columns), Number(sheet.dataset.rows)];
  const pitch = (image.naturalWidth - 1) / columns;
  const size = 88, zoom = size / (pitch - 1);
  const tile = document.createElement("div");
  tile.className = "tile";
  Object.assign(tile.style, {
    width: `${size}px`, height: `${size}px`, backgroundImage: `url(${image.src})`,
    backgroundSize: `${image.naturalWidth * zoom}px ${image.naturalHeight * zoom}px`,
    backgroundPosition: `${-(1 + (place % columns) * pitch) * zoom}px ${-(1 + Math.floor(place / columns) * pitch) * zoom}px`,
  });
  return place < columns * rows ? tile : "";
};
const sheetName = (sheet) => {
  const caption = document.createElement("figcaption");
  for (const part of sheet.closest("figure").dataset.name.split(/(?<=\/)/)) caption.append(part, document.createElement("wbr"));
  return caption;
};
const markPlace = (sheet, place) => {
  const [columns, rows] = [Number(sheet.dataset.columns), Number(sheet.dataset.rows)];
  let box = sheet.querySelector(".place");
  if (!box) {
    box = document.createElement("i");
    box.className = "place";
    sheet.append(box);
  }
  box.hidden = place >= columns * rows;
  const [left, top] = [(place % columns) / columns, Math.floor(place / columns) / rows];
  Object.assign(box.style, { left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 / columns}%`, height: `${100 / rows}%` });
};
const makeLens = (panel) => {
  const sheets = [...panel.querySelectorAll(".sheet[data-columns]")];
  if (!sheets.length) return;
  const lens = document.createElement("div");
  lens.className = "lens";
  lens.setAttribute("role", "status");
  lens.tabIndex = 0; // it scrolls
  panel.querySelector(".sheets").before(lens);
  let current = 0;
  const refresh = () => {
    if (document.readyState !== "complete") return;
    const shown = sheets.filter((sheet) => sheet.offsetParent);
    const title = document.createElement("p");
    const columns = Number(sheets[0].dataset.columns);
    title.textContent = `Row ${Math.floor(current / columns) + 1}, column ${(current % columns) + 1}`;
    lens.replaceChildren(title, ...shown.map((sheet) => {
      const figure = document.createElement("figure");
      figure.append(tileOf(sheet, current), sheetName(sheet));
      return figure;
    }));
    for (const sheet of sheets) markPlace(sheet, current);
  };
  panel.closest(".browser").addEventListener("shown", refresh);
  const show = (place) => {
    if (place === current) return;
    current = place;
    refresh();
  };
  for (const sheet of sheets) {
    const [columns, rows] = [Number(sheet.dataset.columns), Number(sheet.dataset.rows)];
    const at = (event) => {
      const box = sheet.getBoundingClientRect();
      const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
      const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
      if (column >= 0 && column < columns && row >= 0 && row < rows) show(row * columns + column);
    };
    sheet.tabIndex = 0;
    sheet.setAttribute("role", "group");
    sheet.setAttribute("aria-label", `${sheet.querySelector("img").alt}. Arrow keys go from image to image.`);
    sheet.addEventListener("pointermove", at);
    sheet.addEventListener("pointerdown", at);
    sheet.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      show(Math.min(Math.max(current + step, 0), columns * rows - 1));
    });
  }
};
for (const browser of document.querySelectorAll(".browser")) {
  const panels = [...browser.querySelectorAll(".panel")];
  const controls = document.createElement("div");
  controls.className = "controls";
  controls.append(
    makeModelChips(browser, [...browser.querySelectorAll(".group")]),
    makeSeedButtons(browser, [...browser.querySelectorAll("figure[data-seed]")]),
  );
  browser.querySelector("h3").after(makeTabs(browser, panels), controls);
  panels.forEach(makeLens);
  addEventListener("load", () => browser.dispatchEvent(new Event("shown"))); // pictures have sizes then
}
