// @ts-check
/** What a page shows, and its address: the query holds all of it. */

/**
 * @typedef {object} State
 * @property {number | null} project
 * @property {string | null} control
 * @property {string} by "given", "predicted", "cell", "detector", "annotator" or "field:NAME"
 * @property {string | null} value the group; null before one is chosen
 * @property {"suspects" | "all"} show
 * @property {number} page from 1
 * @property {string | null} at key of the tile under the cursor
 * @property {string | null} like key of the tile whose likes are shown
 * @property {string | null} rows name of a selection
 * @property {string} context per cent of a crop's surroundings, or "scene"
 */

export const CONTEXTS = ["0", "25", "100", "scene"];

/** @type {State} */
const PLAIN = {
  project: null,
  control: null,
  by: "given",
  value: null,
  show: "suspects",
  page: 1,
  at: null,
  like: null,
  rows: null,
  context: "25",
};

/** @param {string} search a query, with or without its question mark @returns {State} */
export function readState(search) {
  const query = new URLSearchParams(search);
  const page = Number(query.get("page"));
  const project = Number(query.get("project"));
  const context = query.get("context");
  return {
    project: Number.isSafeInteger(project) && project > 0 ? project : null,
    control: query.get("control"),
    by: query.get("by") || PLAIN.by,
    value: query.get("value"),
    show: query.get("show") === "all" ? "all" : "suspects",
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
    at: query.get("at"),
    like: query.get("like"),
    rows: query.get("rows"),
    context: context !== null && CONTEXTS.includes(context) ? context : PLAIN.context,
  };
}

/** Return the query of a state, with what is not as always. @param {Partial<State>} state */
export function writeState(state) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...PLAIN, ...state })) {
    const plain = /** @type {Record<string, unknown>} */ (PLAIN)[name];
    if (value !== null && (value !== plain || name === "by" || name === "show")) query.set(name, String(value));
  }
  return `?${query}`;
}
