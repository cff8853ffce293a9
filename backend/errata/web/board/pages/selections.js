// @ts-check
/** Selections made on another page, by name: `rows=NAME` of a board's address opens one. */

import { openDatabase, transact } from "./database.js";

/**
 * @typedef {object} Selection
 * @property {string} name
 * @property {number} project
 * @property {string} version the table whose rows these are
 * @property {string} title said above the tiles
 * @property {number[]} rows
 * @property {"as_given" | "blocks"} order
 * @property {number} [kept] when, in milliseconds
 */

const N_KEPT = 20;

/** Keep a selection; the oldest ones are dropped. @param {Selection} selection */
export async function keepSelection(selection) {
  const database = await openDatabase();
  await transact(database, "selections", "readwrite", (store) => store.put({ ...selection, kept: Date.now() }));
  /** @type {Selection[]} */
  const all = await transact(database, "selections", "readonly", (store) => store.getAll());
  all.sort((one, other) => (other.kept ?? 0) - (one.kept ?? 0));
  for (const old of all.slice(N_KEPT)) await transact(database, "selections", "readwrite", (store) => store.delete(old.name));
  database.close();
}

/** @param {string} name @returns {Promise<Selection | null>} */
export async function readSelection(name) {
  const database = await openDatabase();
  const found = await transact(database, "selections", "readonly", (store) => store.get(name));
  database.close();
  return found ?? null;
}
