// @ts-check
/** Pages of tiles: the one in sight, the one that comes next with its pictures, and a few of those before. */

import { ApiError } from "./api.js";

/** @typedef {import("./types.js").TilePage} TilePage @typedef {import("./types.js").Source} Source */

const N_KEPT = 4;

/**
 * @param {Source} source
 * @param {number} limit tiles of a page
 * @param {HTMLImageElement[]} ahead as many, used again for each page: browsers are slow to let go of pictures
 */
export function pageCache(source, limit, ahead) {
  /** @type {Map<number, TilePage>} by offset, the one used last at the end */
  const pages = new Map();

  /** @param {TilePage} page */
  function keep(page) {
    const [known] = pages.values();
    if (known && known.version !== page.version) pages.clear(); // a new audit: another order
    pages.delete(page.offset);
    pages.set(page.offset, page);
    for (const offset of [...pages.keys()].slice(0, -N_KEPT)) pages.delete(offset);
    return page;
  }

  /** @param {number} offset @param {AbortSignal} [signal] */
  async function at(offset, signal) {
    const known = pages.get(offset);
    return keep(known ?? (await source.page(offset, limit, signal)));
  }

  return {
    source,
    at,

    /** Return the page on which a key stands, null where it left the group with a new audit. @param {string} key @param {AbortSignal} signal */
    async locate(key, signal) {
      try {
        return source.locate ? keep(await source.locate(key, limit, signal)) : null;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },

    /**
     * Fetch a page and its pictures before somebody wants them.
     * @param {number} offset
     * @param {(tile: import("./types.js").Tile) => string | null} picture
     * @param {AbortSignal} signal
     */
    async prefetch(offset, picture, signal) {
      const page = await at(offset, signal);
      if (signal.aborted) return;
      page.tiles.forEach((tile, i) => {
        const src = picture(tile);
        if (src !== null) ahead[i].src = src;
      });
    },

    /** The tiles that are held. */
    tiles: () => [...pages.values()].flatMap((page) => page.tiles),
  };
}
