// @ts-check
/** The confusion map: given labels by predicted ones; a cell opens on the board. */

import { get } from "./api.js";
import { button, count, element, percent, plural } from "./elements.js";
import { makeHeader } from "./header.js";
import { arranged, blockOf, foldable, isCollapsible } from "./matrix.js";
import { openPage, sayWhy } from "./opening.js";
import { writeState } from "./state.js";

/**
 * @typedef {import("./matrix.js").Cell} Cell
 * @typedef {import("./matrix.js").Confusion} Confusion
 * @typedef {import("./matrix.js").Entry} Entry
 * @typedef {import("./types.js").Project} Project
 */

const MEASURES = {
  count: { title: "Labels", of: (/** @type {Cell} */ cell) => cell.count },
  suspects: { title: "Suspects", of: (/** @type {Cell} */ cell) => cell.suspects },
  yield: { title: "Yield", of: (/** @type {Cell} */ cell) => (looked(cell) ? cell.wrong / looked(cell) : null) },
};
/** How many labels of a cell somebody looked at. @param {Cell} cell */
function looked({ decided, scanned }) {
  return decided + scanned;
}

const STEPS = 5; // of a cell's shade
const MOST_SHOWN = 100; // rows; where more would be open, the block that was opened first is folded
const FEW = 16; // rows that have room

/** @typedef {keyof typeof MEASURES} Measure */

class ConfusionPage {
  /** @param {HTMLElement} main @param {Project} project @param {URLSearchParams} query */
  constructor(main, project, query) {
    this.project = project;
    const named = project.controls.find(({ name }) => name === query.get("control"));
    this.control = (named ?? project.controls[0]).name;
    /** @type {Measure} */
    this.measure = Object.hasOwn(MEASURES, query.get("measure") ?? "") ? /** @type {Measure} */ (query.get("measure")) : "count";
    this.search = query.get("search") ?? "";
    this.open = new Set((query.get("open") ?? "").split(",").filter(Boolean).map(Number));
    /** @type {Confusion | null} */
    this.confusion = null;
    this.head = element("div", { class: "confusion-head" });
    this.body = element("div", { class: "confusion-body", tabindex: "0", role: "region", "aria-label": "Confusion map" });
    main.replaceChildren(element("h1", { class: "unseen" }, "Confusion map"), this.head, this.body);
  }

  async load() {
    /** @type {Confusion} */
    const answer = await get(`projects/${this.project.id}/confusion`, { control: this.control, show: "all" });
    this.confusion = { ...answer, blocks: foldable(answer) };
    this.draw();
  }

  draw() {
    this.head.replaceChildren(...this.tools());
    this.redraw();
  }

  redraw() {
    if (!this.confusion) return;
    const query = new URLSearchParams({ project: String(this.project.id), control: this.control, measure: this.measure });
    if (this.search) query.set("search", this.search);
    if (this.open.size) query.set("open", [...this.open].join(","));
    history.replaceState(null, "", `?${query}`);
    this.body.replaceChildren(this.confusion.labels.length ? this.table(this.confusion) : element("p", {}, "Nothing is predicted."));
  }

  tools() {
    const tools = [];
    if (this.project.controls.length > 1) {
      const select = element("select", { id: "control" });
      for (const { name } of this.project.controls) select.append(element("option", { value: name, selected: name === this.control }, name));
      select.addEventListener("change", () => {
        this.control = select.value;
        this.open.clear();
        this.load().catch(sayWhy);
      });
      tools.push(element("label", {}, "Control ", select));
    }
    const measures = element("fieldset", { class: "confusion-measures" }, element("legend", { class: "unseen" }, "What a cell shows"));
    for (const [name, { title }] of Object.entries(MEASURES)) {
      const radio = element("input", { type: "radio", name: "measure", value: name, checked: name === this.measure });
      radio.addEventListener("change", () => {
        this.measure = /** @type {Measure} */ (name);
        this.redraw();
      });
      measures.append(element("label", {}, radio, title));
    }
    tools.push(measures, element("span", { class: "confusion-note" }, "Rows: as given. Columns: as predicted; classes that are confused stand together. Yield: the share found wrong of what was reviewed. A cell opens on the board."));
    if (this.confusion && isCollapsible(this.confusion)) tools.push(...this.blockTools(this.confusion));
    return tools;
  }

  /** @param {Confusion} confusion */
  blockTools(confusion) {
    const search = element("input", { type: "search", placeholder: "Find classes", "aria-label": "Find classes", value: this.search });
    search.addEventListener("input", () => {
      this.search = search.value;
      this.redraw();
    });
    const fold = button("Fold all", () => {
      this.open.clear();
      search.value = this.search = "";
      this.redraw();
    });
    const said = `${plural(confusion.labels.length, "class", "classes")} in ${plural(confusion.blocks.length, "block")} of those that are confused; a block opens by a click.`;
    return [search, fold, element("span", { class: "confusion-note" }, said)];
  }

  /** @param {Confusion} confusion */
  table(confusion) {
    const { entries, rows } = arranged(confusion, this.open, this.search);
    const most = Math.max(1, ...rows.flatMap((cells, i) => cells.map((cell, j) => (i === j ? 0 : (MEASURES[this.measure].of(cell) ?? 0)))));
    const head = element("tr", {}, element("th", { scope: "col", class: "confusion-corner" }, "given ↓ predicted →"));
    for (const entry of entries) head.append(element("th", { scope: "col" }, element("span", {}, this.named(entry))));
    const body = element("tbody");
    entries.forEach((given, i) => {
      const row = element("tr", {}, element("th", { scope: "row" }, this.named(given)));
      entries.forEach((predicted, j) => row.append(element("td", {}, this.cell(given, predicted, rows[i][j], most))));
      body.append(row);
    });
    return element("table", { class: entries.length <= FEW ? "confusion-table is-roomy" : "confusion-table" }, element("thead", {}, head), body);
  }

  /** @param {Entry} entry */
  named(entry) {
    if (entry.first === entry.last) return entry.title;
    return button(entry.title, () => this.unfold([entry.first]), { class: "confusion-block" });
  }

  /** @param {number[]} blocks the first label of each */
  unfold(blocks) {
    const confusion = /** @type {Confusion} */ (this.confusion);
    for (const first of blocks) this.open.delete(first); // what is opened again is the newest
    for (const first of blocks) this.open.add(first);
    for (const first of [...this.open].slice(0, -blocks.length)) {
      if (arranged(confusion, this.open, "").entries.length > MOST_SHOWN) this.open.delete(first);
    }
    this.redraw();
  }

  /** @param {Entry} given @param {Entry} predicted @param {Cell} cell @param {number} most */
  cell(given, predicted, cell, most) {
    const value = MEASURES[this.measure].of(cell);
    if (!cell.count || !this.confusion) return "";
    const isOne = given.first === given.last && predicted.first === predicted.last;
    const says = `given ${given.title}, predicted ${predicted.title}: ${plural(cell.count, "label")}, ${plural(cell.suspects, "suspect")}, ${looked(cell)} reviewed${looked(cell) ? `, ${percent(cell.wrong / looked(cell))} of them wrong` : ""}`;
    const text = value === null ? "–" : this.measure === "yield" ? percent(value) : count(value);
    const step = value ? Math.ceil((STEPS * Math.log1p(value)) / Math.log1p(most)) : 0;
    const shade = given.first === predicted.first && given.last === predicted.last ? "right" : `step-${Math.min(STEPS, step)}`;
    const attributes = { class: `confusion-cell ${shade}`, title: says, "aria-label": says };
    if (!isOne) {
      const { confusion } = this;
      return button(text, () => this.unfold([given, predicted].map(({ first }) => blockOf(confusion, first))), attributes);
    }
    const labels = [given, predicted].map(({ first }) => this.confusion?.labels[first] ?? null);
    const show = cell.suspects ? "suspects" : "all";
    const query = writeState({ project: this.project.id, control: this.control, by: "cell", value: JSON.stringify(labels), show });
    return element("a", { href: `scan.html${query}`, ...attributes }, text);
  }
}

const query = new URLSearchParams(location.search);
await openPage(Number(query.get("project")) || null, async ({ session, project, outbox }) => {
  const page = new ConfusionPage(/** @type {HTMLElement} */ (document.querySelector("main")), project, query);
  document.body.prepend(makeHeader({ project, session, outbox, page: "confusion", control: page.control }));
  await page.load();
});
