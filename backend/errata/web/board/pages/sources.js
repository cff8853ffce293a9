// @ts-check
/** Where a board's tiles come from. */

import { get, post } from "./api.js";

/** @typedef {import("./types.js").Source} Source */

/**
 * The labels of a group, in the table's order.
 * @param {number} project
 * @param {{control: string, by: string | null, value: string | null, show: string}} group by null: all of the control
 * @returns {Source}
 */
export function groupSource(project, { control, by, value, show }) {
  const query = { control, by, value, show };
  return {
    id: JSON.stringify(["group", project, query]),
    page: (offset, limit, signal) => get(`projects/${project}/tiles`, { ...query, offset, limit }, signal),
    locate: (at, limit, signal) => get(`projects/${project}/tiles`, { ...query, at, limit }, signal),
  };
}

const N_ALIKE = 40;

/** What is most similar to a label in the full space, that label first. @param {number} project @param {string} like @returns {Source} */
export function similarSource(project, like) {
  return {
    id: JSON.stringify(["like", project, like]),
    async page(offset, limit, signal) {
      const answer = await get(`projects/${project}/tiles`, { like, limit: N_ALIKE }, signal);
      return { ...answer, offset: 0, total: answer.tiles.length, tiles: answer.tiles.slice(offset, offset + limit) };
    },
    locate: null,
  };
}

/**
 * A selection. As given, only the rows of a page are asked for; in blocks, the server orders all of them.
 * @param {number} project
 * @param {string} name another one for other rows
 * @param {{rows: number[], version?: string} | {keys: string[]}} chosen rows have their numbers in one version alone
 * @param {"as_given" | "blocks"} [order]
 * @returns {Source}
 */
export function selectionSource(project, name, chosen, order = "as_given") {
  const [what, all] = "rows" in chosen ? ["rows", chosen.rows] : ["keys", chosen.keys];
  return {
    id: JSON.stringify(["selection", project, name, order]),
    async page(offset, limit, signal) {
      if (order === "blocks") return post(`projects/${project}/tiles`, { ...chosen, order, offset, limit }, signal);
      const part = all.slice(offset, offset + limit);
      const answer = await post(`projects/${project}/tiles`, { ...chosen, [what]: part, order, offset: 0, limit }, signal);
      return { ...answer, offset, total: all.length };
    },
    locate: null,
  };
}
