// @ts-check
/** What can be decided about a label, how it is called, and what it means for one tile. */

/**
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./types.js").Decision} Decision
 * @typedef {import("./types.js").Mark} Mark
 */

/** What a key or a button asks for. @typedef {{decision: import("./types.js").DecisionName | null, label?: string, reason?: string}} Wanted */

/** @type {Record<string, Wanted>} */
export const WANTED = {
  wrong: { decision: "wrong" },
  keep: { decision: "keep" },
  take: { decision: "take_proposal" },
  unusable: { decision: "unusable" },
  unclear: { decision: "unclear" },
  missing: { decision: "wrong", reason: "missing" },
  boundary: { decision: "wrong", reason: "boundary" },
  nothing: { decision: null },
};

/**
 * Say what a wish means for a tile: a label that is the given one keeps it, the proposed one takes the proposal.
 * @param {Wanted} wanted @param {Tile} tile @returns {Mark | string} a mark, or why it cannot be one
 */
export function markOf(wanted, tile) {
  const mark = { key: tile.key, label: null, reason: wanted.reason ?? null, strength: /** @type {const} */ ("verdict") };
  if (wanted.decision === "take_proposal" && !hasProposal(tile)) return "There is no proposal to take.";
  const isTaken = wanted.decision === "fix" && wanted.label === tile.predicted && tile.action === "replace";
  if (wanted.decision === "take_proposal" || isTaken) return { ...mark, decision: "take_proposal", label: tile.action === "remove" ? null : tile.predicted, proposal: tile.proposal };
  if (wanted.decision !== "fix") return { ...mark, decision: wanted.decision };
  if (wanted.label === tile.given) return { ...mark, decision: "keep" };
  const place = tile.given === null ? { proposal: tile.proposal } : {}; // what is missing comes where it is proposed
  return { ...mark, decision: "fix", label: wanted.label ?? null, ...place };
}

/** Return what a committed page says of a tile that nobody marked. @param {string} key @returns {Mark} */
export function scanMark(key) {
  return { key, decision: "keep", label: null, reason: null, strength: "scan" };
}

/** @param {Mark} mark @returns {Decision | null} */
export function decisionOf(mark) {
  return mark.decision === null ? null : { ...mark, decision: mark.decision };
}

/** @param {Tile} tile */
export function hasProposal(tile) {
  return tile.action !== null;
}

/** The name of a decision's looks: a class, and what the badge and the buttons share. @param {Decision} decision */
export function lookOf(decision) {
  if (decision.strength === "scan") return "scanned";
  if (decision.decision === "wrong" && (decision.reason === "missing" || decision.reason === "boundary")) return decision.reason;
  return decision.decision === "take_proposal" ? "take" : decision.decision;
}

/** @type {Record<string, string>} */
const SHORT = {
  wrong: "✕ wrong",
  keep: "✓ keep",
  take: "→ take",
  fix: "→",
  unusable: "⊘ unusable",
  unclear: "? unclear",
  missing: "+ missing",
  boundary: "▱ boundary",
  scanned: "✓",
};

/** @type {Record<string, string>} */
const SPOKEN = {
  wrong: "wrong",
  keep: "keep",
  take: "take the proposal",
  fix: "fix",
  unusable: "unusable",
  unclear: "unclear",
  missing: "something is missing",
  boundary: "boundary is bad",
  scanned: "looks right",
};

/** Return a decision in the fewest words, for a badge. @param {Decision} decision */
export function shortly(decision) {
  const look = lookOf(decision);
  return look === "fix" ? `→ ${decision.label ?? "?"}` : SHORT[look];
}

/** Return a decision in words. @param {Decision} decision */
export function inWords(decision) {
  const look = lookOf(decision);
  return look === "fix" ? `fix: ${decision.label ?? "?"}` : SPOKEN[look];
}

/** Return the labels of the keys 1 to 9: the likeliest ones, then the control's first. @param {Tile} tile @param {string[]} labels */
export function likeliest(tile, labels) {
  const first = tile.top.map(([label]) => label).filter((label) => labels.includes(label));
  const rest = labels.slice(0, 9 + first.length).filter((label) => !first.includes(label));
  return [...first, ...rest].slice(0, 9);
}
