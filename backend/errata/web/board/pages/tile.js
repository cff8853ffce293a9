// @ts-check
/** One tile of the grid. It is made once and filled again for every page. */

import { makeContent } from "./content.js";
import { inWords, lookOf, shortly } from "./decisions.js";
import { element, setText } from "./elements.js";

/**
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./types.js").Standing} Standing
 * @typedef {ReturnType<typeof makeTile>} TileView
 */

/** @param {number} index its place in the grid */
export function makeTile(index) {
  const content = makeContent();
  const mine = element("span", { class: "badge mine" });
  const others = element("span", { class: "badge others" });
  const given = element("span", { class: "given", dir: "auto" });
  const proposed = element("span", { class: "proposed", dir: "auto" });
  const value = element("span", { class: "value" });
  const caption = element("div", { class: "caption" }, given, value, proposed);
  const shown = element("div", { class: "tile", role: "option", id: `tile-${index}`, "aria-selected": "false", hidden: true }, content.element, mine, others, caption);
  shown.dataset.index = String(index);
  /** @type {Tile | null} */
  let tile = null;
  let look = "";

  /** @param {Standing} standing */
  function stand(standing) {
    if (tile === null) return;
    const next = standing.mine ? lookOf(standing.mine) : "";
    if (next !== look) {
      if (look) shown.classList.remove(`is-${look}`);
      if (next) shown.classList.add(`is-${next}`);
      look = next;
    }
    shown.classList.toggle("is-decided", next !== "");
    shown.classList.toggle("is-contradictory", standing.is_contradictory);
    setText(mine, standing.mine ? shortly(standing.mine) : "");
    setText(others, standing.others.length ? badgeOfOthers(standing) : "");
    others.title = standing.others.map((other) => `${other.reviewer}: ${inWords(other)}`).join("\n");
    shown.setAttribute("aria-label", [...spoken(tile), ...decisionsInWords(standing)].join(", "));
  }

  return {
    element: shown,
    isSeen: content.isSeen,

    /** @param {Tile} next @param {Standing} standing @param {string | null} src of its picture */
    fill(next, standing, src) {
      tile = next;
      shown.hidden = false;
      shown.dataset.key = next.key;
      content.show(next.content, src);
      setText(given, next.given ?? next.content.answer ?? (next.action === "add" ? "nothing" : "none"));
      given.classList.toggle("is-none", next.given === null);
      setText(proposed, proposal(next));
      setText(value, next.disagreement.toFixed(2));
      shown.classList.toggle("is-suspect", next.suspect);
      shown.title = [next.given ?? "", proposal(next)].filter(Boolean).join(" ");
      stand(standing);
    },

    stand,

    showPicture: content.showPicture,

    clear() {
      tile = null;
      shown.hidden = true;
      content.clear();
    },
  };
}

/** Return what the belief would do, with an arrow; "" where it would do nothing. @param {Tile} tile */
export function proposal(tile) {
  if (tile.action === "remove") return "→ take it away";
  if (tile.action === "add") return `→ add ${tile.predicted ?? ""}`;
  if (tile.content.proposed) return `→ ${tile.content.proposed}`;
  if (tile.action === "replace" && tile.predicted === tile.given) return "→ another place";
  return tile.predicted !== null && tile.predicted !== tile.given ? `→ ${tile.predicted}` : "";
}

/** @param {Standing} standing */
function badgeOfOthers({ others }) {
  const [first] = others;
  const more = others.length > 1 ? ` +${others.length - 1}` : "";
  return `${initials(first.reviewer)} ${shortly(first)}${more}`;
}

/** @param {string} reviewer */
function initials(reviewer) {
  const parts = reviewer.split(/[\s.@_-]+/).filter(Boolean);
  return parts.slice(0, 2).map((part) => [...part][0].toUpperCase()).join("");
}

/** @param {Tile} tile */
function spoken(tile) {
  const words = [tile.given ?? "no label"];
  if (proposal(tile)) words.push(`proposed ${proposal(tile).slice(2)}`);
  return [...words, `disagreement ${tile.disagreement.toFixed(2)}`];
}

/** @param {Standing} standing */
function decisionsInWords({ mine, others }) {
  return [...(mine ? [inWords(mine)] : []), ...others.map((other) => `${other.reviewer}: ${inWords(other)}`)];
}
