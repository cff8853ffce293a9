// @ts-check
/** The grid: tiles that are reused, a cursor, a range, and the mouse. */

import { element } from "./elements.js";
import { columnsFor } from "./grid_layout.js";
import { bindMouse } from "./grid_mouse.js";
import { makeTile } from "./tile.js";

/**
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./types.js").Standing} Standing
 */

const SETTLED_MS = 5000;
const GAP = 6;
const CROP = { aspect: 1, caption: 34, gap: GAP, largest: 320 }; // pixels: a crop is not made clearer by blowing it up further
const WORDS = { aspect: 3, caption: 20, gap: GAP, largest: 120 };

/**
 * @param {number} size tiles of a page
 * @param {{onCursor: () => void, onPaint: (indices: number[]) => void}} says
 */
export function makeGrid(size, { onCursor, onPaint }) {
  const views = Array.from({ length: size }, (_, index) => makeTile(index));
  const shown = element("div", { class: "grid", role: "listbox", tabindex: "0", "aria-multiselectable": "true", "aria-label": "Labels" });
  shown.append(...views.map((view) => view.element));
  let n = 0; // tiles of this page
  let nLaidOut = size;
  let cursor = 0;
  let anchor = 0;
  let columns = 8;
  let side = 160;

  const isChosen = /** @param {number} index */ (index) => index >= Math.min(cursor, anchor) && index <= Math.max(cursor, anchor);

  function layOut() {
    const { clientWidth, clientHeight } = shown;
    if (!clientWidth || !clientHeight) return;
    const style = getComputedStyle(shown);
    const inside = { width: clientWidth - 2 * parseFloat(style.paddingLeft), height: clientHeight - 2 * parseFloat(style.paddingTop) };
    const isCompact = shown.classList.contains("is-compact");
    ({ columns, side } = columnsFor(nLaidOut, inside, isCompact ? WORDS : CROP));
    shown.style.setProperty("--columns", String(columns));
    shown.style.setProperty("--rows", String(Math.ceil(nLaidOut / columns)));
    shown.style.setProperty("--side", `${side}px`);
  }

  /** @param {number} index @param {boolean} extends_ */
  function moveTo(index, extends_ = false) {
    if (!n) return;
    const before = [Math.min(cursor, anchor), Math.max(cursor, anchor)];
    views[cursor].element.classList.remove("is-cursor");
    cursor = Math.max(0, Math.min(n - 1, index));
    if (!extends_) anchor = cursor;
    views[cursor].element.classList.add("is-cursor");
    const [from, to] = [Math.min(before[0], cursor, anchor), Math.max(before[1], cursor, anchor)];
    for (let i = from; i <= to; i++) {
      views[i].element.setAttribute("aria-selected", String(isChosen(i)));
      views[i].element.classList.toggle("is-chosen", cursor !== anchor && isChosen(i));
    }
    shown.setAttribute("aria-activedescendant", `tile-${cursor}`);
    onCursor();
  }

  const step = /** @type {Record<string, () => number>} */ ({
    left: () => cursor - 1,
    right: () => cursor + 1,
    up: () => (cursor - columns < 0 ? cursor : cursor - columns),
    down: () => (cursor + columns >= n ? cursor : cursor + columns),
    first: () => 0,
    last: () => n - 1,
  });

  new ResizeObserver(layOut).observe(shown);
  bindMouse(shown, { moveTo, onPaint, mark: (index, on) => views[index].element.classList.toggle("is-painted", on) });

  return {
    element: shown,
    cursor: () => cursor,
    columns: () => columns,
    side: () => side,
    moveTo,

    /** @param {string} way @param {boolean} extends_ */
    move(way, extends_) {
      moveTo(step[way](), extends_);
    },

    /** Return the places that a decision holds for. */
    chosen: () => Array.from({ length: n }, (_, index) => index).filter(isChosen),

    /** Whether somebody can have seen a tile. @param {number} index */
    isSeen: (index) => views[index].isSeen(),

    /** Wait until no picture of the page is on its way; not forever, for one may hang. */
    async settled() {
      const late = AbortSignal.timeout(SETTLED_MS);
      while (!late.aborted && shown.querySelector(".tile:not([hidden]) > .is-loading")) await new Promise(requestAnimationFrame);
    },

    /** Make room. @param {number} total labels of the source @param {boolean} isCompact what is shown is no picture, but a few words */
    prepare(total, isCompact) {
      nLaidOut = Math.max(6, Math.min(size, total));
      shown.classList.toggle("is-compact", isCompact);
      layOut();
    },

    /**
     * @param {Tile[]} tiles
     * @param {(tile: Tile) => Standing} standing
     * @param {(tile: Tile) => string | null} picture
     */
    fill(tiles, standing, picture) {
      n = tiles.length;
      views.forEach((view, index) => {
        if (index < n) view.fill(tiles[index], standing(tiles[index]), picture(tiles[index]));
        else view.clear();
        view.element.classList.remove("is-cursor", "is-chosen");
        view.element.setAttribute("aria-selected", "false");
      });
      cursor = anchor = 0;
    },

    /** @param {number} index @param {string | null} src "" where it is on its way, null where it cannot be had */
    showPicture(index, src) {
      views[index].showPicture(src);
    },

    /** @param {number} index @param {Standing} standing */
    stand(index, standing) {
      views[index].stand(standing);
    },
  };
}
