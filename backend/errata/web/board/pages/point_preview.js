// @ts-check
/** What a point is, beside the pointer. */

import { post } from "./api.js";
import { makeContent, pictureAddress } from "./content.js";
import { element, setText } from "./elements.js";
import { proposal } from "./tile.js";

/** @typedef {import("./types.js").Tile} Tile */

const SIZE_PX = 160;
const WAIT_MS = 60; // the pointer rests so long on a point
const N_KEPT = 500;

/** Shows one label at a time; what it has shown it does not ask for again. */
export class PointPreview {
  /** @param {HTMLElement} window the map @param {number} project */
  constructor(window, project) {
    this.window = window;
    this.project = project;
    this.content = makeContent();
    this.caption = element("p", { class: "preview-caption", dir: "auto" });
    this.element = element("div", { class: "preview", hidden: true, "aria-hidden": "true" }, this.content.element, this.caption);
    window.append(this.element);
    /** @type {Map<number, Tile>} */
    this.known = new Map();
    this.wanted = -1;
    this.timer = 0;
  }

  /** @param {number} row @param {{x: number, y: number}} at in the map's window */
  show(row, at) {
    this.wanted = row;
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      const tile = await this.tile(row).catch(() => null);
      if (tile && this.wanted === row) this.put(tile, at);
    }, WAIT_MS);
  }

  hide() {
    this.wanted = -1;
    clearTimeout(this.timer);
    this.element.hidden = true;
  }

  /** @param {number} row */
  async tile(row) {
    const known = this.known.get(row);
    if (known) return known;
    const { tiles } = await post(`projects/${this.project}/tiles`, { rows: [row], order: "as_given", offset: 0, limit: 1 });
    if (this.known.size >= N_KEPT) this.known.clear();
    this.known.set(row, tiles[0]);
    return /** @type {Tile} */ (tiles[0]);
  }

  /** @param {Tile} tile @param {{x: number, y: number}} at */
  put(tile, { x, y }) {
    this.content.show(tile.content, pictureAddress(this.project, tile.content, "25", SIZE_PX));
    setText(this.caption, [tile.given ?? "no label", proposal(tile), tile.disagreement.toFixed(2)].filter(Boolean).join("  "));
    const box = this.window.getBoundingClientRect();
    this.element.hidden = false;
    const own = this.element.getBoundingClientRect();
    const left = x + 16 + own.width > box.width ? x - 16 - own.width : x + 16;
    this.element.style.setProperty("left", `${Math.max(0, left)}px`);
    this.element.style.setProperty("top", `${Math.max(0, Math.min(box.height - own.height, y - own.height / 2))}px`);
  }
}
