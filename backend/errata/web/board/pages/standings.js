// @ts-check
/** What is decided about the tiles in sight: what the server said, and over it what it may not have yet. */

/**
 * @typedef {import("./types.js").Standing} Standing
 * @typedef {import("./types.js").Decision} Decision
 */

/** @type {Standing} */
const NOTHING = { mine: null, others: [], is_contradictory: false };

/** @param {() => import("./action_store.js").Waiting[]} waiting what was done and may not be there yet, in order */
export function standingsBook(waiting) {
  /** @type {Map<string, Standing>} */
  let known = new Map();

  return {
    /** Return how a tile stands. @param {string} key @returns {Standing} */
    of(key) {
      const said = known.get(key) ?? NOTHING;
      let mine = said.mine;
      for (const { effect } of waiting()) if (key in effect) mine = effect[key];
      const is_contradictory = said.others.some((other) => differs(mine, other));
      return { mine, others: said.others, is_contradictory: mine === said.mine ? said.is_contradictory : is_contradictory };
    },

    /** @param {string} key */
    knows: (key) => known.has(key),

    /** @param {Record<string, Standing | null>} standings */
    learn(standings) {
      for (const [key, standing] of Object.entries(standings)) known.set(key, standing ?? NOTHING);
    },

    /** Forget all but these. @param {Set<string>} keys */
    keepOnly(keys) {
      known = new Map([...known].filter(([key]) => keys.has(key)));
    },
  };
}

/** @param {Decision | null} mine @param {Decision} other */
function differs(mine, other) {
  if (mine === null || mine.strength === "scan" || other.strength === "scan") return false;
  return mine.decision !== other.decision || (mine.label ?? null) !== (other.label ?? null);
}

/** @param {Decision | null} one @param {Decision | null} other */
export function isSame(one, other) {
  if (one === null || other === null) return one === other;
  const parts = /** @type {const} */ (["decision", "label", "reason", "strength"]);
  return parts.every((part) => (one[part] ?? null) === (other[part] ?? null));
}
