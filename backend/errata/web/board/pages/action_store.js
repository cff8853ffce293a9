// @ts-check
/** Keeps actions until the server has them: in IndexedDB, or in memory where the browser keeps nothing. */

import { openDatabase, transact } from "./database.js";

/**
 * @typedef {object} Waiting an action that the server may not have yet
 * @property {number} [seq]
 * @property {string} owner who did it, on which errata
 * @property {number} project
 * @property {import("./types.js").Action} action
 * @property {Record<string, import("./types.js").Decision | null>} effect what it makes of whose decision; empty where the server has to say
 */

/** @typedef {Awaited<ReturnType<typeof openActionStore>>} ActionStore */

/** @param {string} owner only theirs are read and sent */
export async function openActionStore(owner) {
  /** @type {Waiting[]} */
  let inMemory = [];
  const database = await openDatabase().catch(() => null);

  /** @returns {Promise<Waiting[]>} */
  async function kept() {
    try {
      return database ? await transact(database, "actions", "readonly", (store) => store.index("owner").getAll(owner)) : [];
    } catch {
      return []; // somebody cleared this site's data
    }
  }

  return {
    /** Whether what waits outlives this page. */
    isDurable: () => database !== null && inMemory.length === 0,

    /** @param {Waiting} waiting */
    async add(waiting) {
      try {
        if (database) return void (await transact(database, "actions", "readwrite", (store) => store.add(waiting)));
      } catch {
        // no room on the disk: the page itself keeps it
      }
      inMemory.push(waiting);
    },

    /** Return what waits, in the order in which it was done, in whichever tab. @returns {Promise<Waiting[]>} */
    async list() {
      return [...(await kept()), ...inMemory];
    },

    /** @param {Waiting[]} done */
    async remove(done) {
      const ids = new Set(done.map(({ action }) => action.id));
      inMemory = inMemory.filter(({ action }) => !ids.has(action.id));
      for (const { seq } of done) {
        if (database && seq !== undefined) await transact(database, "actions", "readwrite", (store) => store.delete(seq)).catch(() => undefined); // sent again, it is one
      }
    },
  };
}
