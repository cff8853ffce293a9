// @ts-check
/** The projector: every label as a point beside those that look like it. */

import { addressBar } from "./address_bar.js";
import { post } from "./api.js";
import { button, count, element, plural } from "./elements.js";
import { makeHeader } from "./header.js";
import { isTaken, keyName } from "./keys.js";
import { colourPoints } from "./map_colours.js";
import { MapData } from "./map_data.js";
import { Legend } from "./map_legend.js";
import { MapView } from "./map_view.js";
import { openPage, sayWhy } from "./opening.js";
import { PointPreview } from "./point_preview.js";
import { MARK } from "./points_webgl.js";
import { ProjectorSelection } from "./projector_selection.js";
import { readSelection } from "./selections.js";

/** @typedef {import("./types.js").Project} Project */

/** @type {{tool: "pan" | "lasso" | "box", title: string, key: string}[]} */
const TOOLS = [
  { tool: "pan", title: "Move", key: "v" },
  { tool: "lasso", title: "Lasso", key: "l" },
  { tool: "box", title: "Box", key: "d" },
];
const CAUTION =
  "A flat map can lie: things that are far apart can look close, and the other way round. Scores and rings come from the full space.";

class ProjectorPage {
  /** @param {HTMLElement} main @param {import("./opening.js").Opened} opened @param {URLSearchParams} query */
  constructor(main, { session, project, outbox }, query) {
    this.project = project;
    this.query = query;
    const mapped = project.controls.filter(({ trustworthiness }) => trustworthiness !== null);
    this.control = (mapped.find(({ name }) => name === query.get("control")) ?? mapped[0] ?? project.controls[0]).name;
    this.colour = query.get("colour") ?? "given";
    /** @type {MapData | null} */
    this.data = null;
    /** @type {number[]} */
    this.rings = [];
    /** @type {string | null} */
    this.pinnedKey = null;
    /** @type {string | null} */
    this.selected = null; // the name of a selection
    this.bar = addressBar();
    this.tools = element("div", { class: "projector-tools", role: "toolbar", "aria-label": "Map" });
    this.note = element("p", { class: "projector-note" });
    this.window = element("div", { class: "projector-map", tabindex: "0", role: "application", "aria-label": "Map of all labels: arrows move it, + and - zoom, s goes to the next suspect, ? shows all keys" });
    const legend = element("section", { class: "projector-legend", "aria-label": "Legend" });
    const side = element("aside", { class: "projector-side", "aria-label": "Labels on the map" });
    document.body.prepend(makeHeader({ project, session, outbox, page: "projector", control: this.control }));
    main.replaceChildren(legend, element("div", { class: "projector-middle" }, element("h1", { class: "unseen" }, "Projector"), this.tools, this.window, this.note), side);
    this.map = new MapView(this.window);
    this.legend = new Legend(legend);
    this.preview = new PointPreview(this.window, project.id);
    this.selection = new ProjectorSelection(side, project, outbox, () => this.select(new Int32Array(0)));
    this.listen();
  }

  async load() {
    const data = await MapData.read(this.project.id, this.control);
    this.data = data;
    this.rings = data.ringed();
    this.map.load({ xy: data.xy, size: data.sizes(), apart: data.apart }, new Uint32Array(data.about.n));
    await this.paint();
    this.drawTools();
    const { trustworthiness, n, k } = data.about;
    const trust = trustworthiness === null ? "" : ` Trustworthiness ${trustworthiness.toFixed(2)} (k = ${k}): 1 where all neighbours on the map are neighbours in truth.`;
    this.note.textContent = `${plural(n, "label")}, ${plural(this.rings.length, "ring")}: neighbours labelled otherwise. ${CAUTION}${trust} Drawn by ${this.map.renderer.name}.`;
    this.map.fit(); // the tools and the note have taken their room
    await this.restore(data);
    document.documentElement.dataset.ready = "map";
  }

  /** Colour the points by what is chosen. */
  async paint() {
    const data = /** @type {MapData} */ (this.data);
    const colour = data.about.colours.find(({ name }) => name === this.colour) ?? data.about.colours[0];
    this.colour = colour.name;
    const column = await data.column(colour);
    this.legend.show(colour, column);
    this.map.mark(MARK.hidden, () => false);
    this.map.paint(colourPoints(colour, column));
  }

  drawTools() {
    const data = /** @type {MapData} */ (this.data);
    const parts = [];
    const mapped = this.project.controls.filter(({ trustworthiness }) => trustworthiness !== null);
    if (mapped.length > 1) parts.push(chooser("Control", mapped.map(({ name }) => [name, name]), this.control, (name) => this.change({ control: name })));
    parts.push(chooser("Colour by", data.about.colours.map(({ name, title }) => [name, title]), this.colour, (name) => this.change({ colour: name })));
    const tools = element("div", { class: "projector-choice", role: "group", "aria-label": "What a drag does" });
    for (const { tool, title, key } of TOOLS) {
      const made = button(title, () => this.take(tool), { "aria-pressed": String(this.map.tool === tool), title: `${title} (${key})` });
      made.dataset.tool = tool;
      tools.append(made);
    }
    const next = button(`Next suspect (${count(this.rings.length)})`, () => this.goToRing(1), { class: "projector-next", title: "Walk the rings, the strongest disagreement first (s, Shift+s). A ring says that neighbours are labelled otherwise; the suspects of the board are found by more than that, so they are not the same." });
    next.toggleAttribute("disabled", this.rings.length === 0);
    parts.push(tools, button("Whole map", () => this.map.showWhole(), { title: "0" }), next);
    this.tools.replaceChildren(...parts);
  }

  /** @param {{control?: string, colour?: string}} what */
  change({ control, colour }) {
    if (colour !== undefined) this.colour = colour;
    if (control !== undefined) {
      this.control = control;
      this.query = new URLSearchParams();
      this.select(new Int32Array(0));
    }
    const done = control === undefined ? this.paint() : this.load();
    done.then(() => this.write()).catch((error) => this.selection.fail(error));
  }

  /** @param {"pan" | "lasso" | "box"} tool */
  take(tool) {
    this.map.tool = tool;
    this.window.dataset.tool = tool;
    for (const made of this.tools.querySelectorAll("[data-tool]")) {
      made.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (made).dataset.tool === tool));
    }
  }

  /** @param {number} step */
  goToRing(step) {
    const shown = this.rings.filter((i) => this.map.isShown(i));
    if (!shown.length) return;
    const at = shown.indexOf(this.map.pinned);
    this.pin(shown[at < 0 ? (step > 0 ? 0 : shown.length - 1) : (at + step + shown.length) % shown.length], true);
  }

  /** @param {number} i -1 for none @param {boolean} [comesCloser] */
  pin(i, comesCloser = false) {
    const data = this.data;
    if (!data || (i < 0 && this.selected !== null)) return; // a click beside the points keeps what is selected
    if (this.selected !== null) this.mark(new Int32Array(0));
    this.selected = this.pinnedKey = null;
    this.map.pinAt(i, comesCloser);
    this.preview.hide();
    this.write();
    const pinned = this.selection.pin(i < 0 ? null : data.rows[i], data.about.version);
    pinned.then((key) => {
      if (this.map.pinned !== i) return;
      this.pinnedKey = key;
      this.write();
    }, (error) => this.selection.fail(error));
  }

  /** @param {Int32Array} points @param {string | null} [name] by which the selection was kept */
  select(points, name = null) {
    const data = this.data;
    this.map.pinAt(-1);
    this.pinnedKey = null;
    this.mark(points);
    this.selected = this.selection.show(data ? Array.from(points, (i) => data.rows[i]) : [], data?.about.version ?? "", name);
    this.write();
  }

  /** Show which points are selected. @param {Int32Array} points */
  mark(points) {
    this.map.select(points);
    this.legend.count(points.length ? points : null);
  }

  listen() {
    this.map.addEventListener("view", () => {
      this.write();
      this.preview.hide();
    });
    this.map.addEventListener("hover", (event) => {
      const i = /** @type {CustomEvent<number>} */ (event).detail;
      if (i < 0 || !this.data) this.preview.hide();
      else this.preview.show(this.data.rows[i], this.map.onScreen(i));
    });
    this.map.addEventListener("pick", (event) => this.pin(/** @type {CustomEvent<number>} */ (event).detail));
    this.map.addEventListener("select", (event) => {
      this.select(/** @type {CustomEvent<Int32Array>} */ (event).detail);
      this.selection.focus();
    });
    this.legend.addEventListener("change", () => this.map.mark(MARK.hidden, (i) => this.legend.isHidden(i)));
    document.addEventListener("keydown", (event) => this.press(event));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
    const name = keyName(event);
    const isForTiles = /^(Arrow|Escape)/.test(name) && !this.window.contains(/** @type {Node} */ (event.target));
    const tool = TOOLS.find(({ key }) => key === name);
    if (!this.data || isForTiles) return;
    if (tool) this.take(tool.tool);
    else if (name === "s") this.goToRing(1);
    else if (name === "Shift+S") this.goToRing(-1);
    else if (name === "Escape") this.select(new Int32Array(0));
    else if (!this.map.press(event.key)) return;
    event.preventDefault();
  }

  /** Write what is shown into the page's address. */
  write() {
    const { x, y, scale } = this.map.view;
    const query = new URLSearchParams({ project: String(this.project.id), control: this.control, colour: this.colour });
    if (!this.map.isWhole) query.set("view", [x.toFixed(4), y.toFixed(4), (scale / Math.min(this.map.width, this.map.height)).toFixed(3)].join(","));
    if (this.pinnedKey !== null) query.set("at", this.pinnedKey);
    if (this.selected !== null) query.set("rows", this.selected);
    this.bar.at(`?${query}`);
  }

  /** Show what the address says. @param {MapData} data */
  async restore(data) {
    const [x, y, zoom] = (this.query.get("view") ?? "").split(",").map(Number);
    if (zoom > 0 && Number.isFinite(x) && Number.isFinite(y)) this.map.go({ x, y, scale: zoom * Math.min(this.map.width, this.map.height) });
    const [at, name] = [this.query.get("at"), this.query.get("rows")];
    if (at !== null) {
      const { tiles } = await post(`projects/${this.project.id}/tiles`, { keys: [at], order: "as_given", offset: 0, limit: 1 });
      const i = tiles.length ? data.rows.indexOf(tiles[0].row) : -1;
      if (i >= 0) this.pin(i);
    } else if (name !== null) {
      const kept = await readSelection(name).catch(() => null);
      if (kept?.version !== data.about.version) return; // rows have other numbers in another table
      const rows = new Set(kept.rows);
      const points = Int32Array.from(data.rows.keys()).filter((i) => rows.has(data.rows[i]));
      if (points.length) this.select(points, name);
    }
  }
}

/** @param {string} title @param {string[][]} options value and text of each @param {string} chosen @param {(value: string) => void} onChange */
function chooser(title, options, chosen, onChange) {
  const select = element("select", {});
  for (const [value, text] of options) select.append(element("option", { value, selected: value === chosen }, text));
  select.addEventListener("change", () => onChange(select.value));
  return element("label", { class: "projector-chooser" }, `${title} `, select);
}

const query = new URLSearchParams(location.search);
await openPage(Number(query.get("project")) || null, async (opened) => {
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  if (!opened.project.has_map) {
    document.body.prepend(makeHeader({ ...opened, page: "projector", control: query.get("control") }));
    return sayWhy(new Error("There is no map of this project: nothing is known of what its tasks look like. errata makes one where an audit looked at pictures or read texts, and none of sounds, videos and time series."));
  }
  await new ProjectorPage(main, opened, query).load();
});
