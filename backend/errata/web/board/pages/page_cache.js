// @ts-check
/** Pages of tiles: the one in sight, the one that comes next, and a few of those before. */

import { ApiError } from "./api.js";

/** @typedef {import("./types.js").TilePage} TilePage @typedef {import("./types.js").Source} Source */

const N_KEPT = 4;

/**
 * @param {Source} source
 * @param {number} limit tiles of a page
 */
export function pageCache(source, limit) {
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

    /** The tiles that are held. */
    tiles: () => [...pages.values()].flatMap((page) => page.tiles),
  };
}
