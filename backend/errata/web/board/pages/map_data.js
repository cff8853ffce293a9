// @ts-check
/** The map's numbers, as errata sends them: one binary file a column. */

import { address, ApiError, get } from "./api.js";

/**
 * @typedef {object} Colour
 * @property {string} name
 * @property {string} title
 * @property {"category" | "number"} kind
 * @property {string[]} values
 * @property {number} low
 * @property {number} high
 * @property {string} data
 *
 * @typedef {object} MapDescription
 * @property {string} version
 * @property {number} n
 * @property {string} rows
 * @property {string} xy
 * @property {string} size
 * @property {string} apart
 * @property {Colour[]} colours
 * @property {number | null} trustworthiness
 * @property {number} k
 */

const LARGEST_PX = 14; // of a point in a small map
const LEAST_PX = 2.4;

/** One control's map. */
export class MapData {
  /** @param {number} project @param {MapDescription} about */
  constructor(project, about) {
    this.project = project;
    this.about = about;
    this.rows = new Int32Array(0);
    this.disagreement = new Float32Array(0);
    this.apart = new Uint8Array(0);
    this.xy = new Float32Array(0);
    /** @type {Map<string, Int32Array | Float32Array>} */
    this.columns = new Map();
  }

  /** @param {number} project @param {string} control @returns {Promise<MapData>} */
  static async read(project, control) {
    const about = await get(`projects/${project}/map`, { control });
    const data = new MapData(project, about);
    const [rows, xy, size, apart] = await Promise.all([about.rows, about.xy, about.size, about.apart].map((path) => data.bytes(path)));
    data.rows = new Int32Array(rows);
    data.xy = new Float32Array(xy);
    data.disagreement = new Float32Array(size);
    data.apart = new Uint8Array(apart);
    return data;
  }

  /** Return a colour's numbers: a category of each point, or a number. @param {Colour} colour */
  async column(colour) {
    const known = this.columns.get(colour.name);
    if (known) return known;
    const bytes = await this.bytes(colour.data);
    const column = colour.kind === "number" ? new Float32Array(bytes) : new Int32Array(bytes);
    this.columns.set(colour.name, column);
    return column;
  }

  /** Return diameters in CSS pixels: larger where the belief disagrees more, all smaller where there are many. */
  sizes() {
    const share = Math.min(1, Math.max(0, (Math.log10(Math.max(1, this.about.n)) - 2.5) / 2.5));
    const least = LARGEST_PX / 2 + share * (LEAST_PX - LARGEST_PX / 2);
    return this.disagreement.map((is) => least * (1 + is));
  }

  /** Return the points whose neighbours are labelled otherwise, those the belief disagrees with most first. */
  ringed() {
    const found = [];
    for (let i = 0; i < this.apart.length; i++) if (this.apart[i]) found.push(i);
    return found.sort((a, b) => this.disagreement[b] - this.disagreement[a] || a - b);
  }

  /** @param {string} path relative to the project's @returns {Promise<ArrayBuffer>} */
  async bytes(path) {
    const response = await fetch(address(`projects/${this.project}/${path}`), { credentials: "same-origin" }).catch(() => {
      throw new ApiError(0, "errata cannot be reached.");
    });
    if (!response.ok) throw new ApiError(response.status, "The map was made again meanwhile; reload the page.");
    return response.arrayBuffer();
  }
}
