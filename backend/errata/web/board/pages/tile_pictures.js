// @ts-check
/** The pictures of tiles, a page of them with one request: a browser spends more on forty requests than on forty pictures. */

import { address, isAborted } from "./api.js";
import { pictureAddress } from "./content.js";

/** @typedef {import("./types.js").Tile} Tile */

const N_KEPT = 200; // some pages of them

/** @param {number} project */
export function tilePictures(project) {
  /** @type {Map<string, string>} data by address, the oldest first */
  const kept = new Map();

  /** @param {string} name @param {string} data */
  function keep(name, data) {
    kept.set(name, data);
    const [oldest] = kept.keys();
    if (kept.size > N_KEPT) kept.delete(oldest);
  }

  /** @param {Tile} tile @param {string} context @param {number} size */
  const nameOf = (tile, context, size) => pictureAddress(project, tile.content, context, size);

  return {
    /** Return a tile's picture; "" where it has to be loaded, null where it has none. @param {Tile} tile @param {string} context @param {number} size */
    of(tile, context, size) {
      const name = nameOf(tile, context, size);
      return name === null ? null : (kept.get(name) ?? "");
    },

    /**
     * Fetch the pictures that are not here.
     * @param {Tile[]} tiles of one page
     * @param {string} context
     * @param {number} size
     * @param {AbortSignal} signal
     * @param {(tile: Tile, data: string | null) => void} [onPicture] null: there is none to be had
     */
    async load(tiles, context, size, signal, onPicture) {
      const waiting = new Map(tiles.filter((tile) => this.of(tile, context, size) === "").map((tile) => [tile.row, tile]));
      if (!waiting.size) return;
      const [{ content }] = waiting.values();
      const folder = /** @type {string} */ (content.src).replace(/\/[^/]*$/, "");
      const url = address(`projects/${project}/${folder}`, { rows: [...waiting.keys()].join(), context, size });
      try {
        for await (const { row, jpeg } of lines(url, signal)) {
          const tile = waiting.get(row);
          if (tile === undefined) continue;
          waiting.delete(row);
          const data = jpeg === undefined ? null : `data:image/jpeg;base64,${jpeg}`;
          if (data !== null) keep(/** @type {string} */ (nameOf(tile, context, size)), data);
          onPicture?.(tile, data);
        }
      } catch (error) {
        if (isAborted(error)) return;
      }
      for (const tile of waiting.values()) onPicture?.(tile, null);
    },
  };
}

/** Read an answer of a line of JSON each; none where it is refused. @param {string} url @param {AbortSignal} signal @returns {AsyncGenerator<{row: number, jpeg?: string}>} */
async function* lines(url, signal) {
  const response = await fetch(url, { credentials: "same-origin", signal });
  if (!response.ok || response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let begun = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const said = (begun + part.value).split("\n");
    begun = said.pop() ?? "";
    for (const line of said) yield JSON.parse(line);
  }
}
