// @ts-check
/** What pointers do on the map: one points, drags or clicks, two fingers zoom, and so does a wheel. */

/** @typedef {{x: number, y: number}} Spot in CSS pixels of the window */

const CLICK_PX = 4; // a press that moves less is a click
const LINE_PX = 16; // of a wheel that counts lines
const PER_PX = 0.0015;

/**
 * @param {SVGElement} window
 * @param {object} does
 * @param {(here: Spot | null) => void} does.onHover null: the pointer left
 * @param {(last: Spot, here: Spot, path: Spot[]) => void} does.onDrag
 * @param {() => void} does.onEnd of a drag, however it ended
 * @param {(here: Spot) => void} does.onClick
 * @param {(path: Spot[]) => void} does.onDrawn a drag is done
 * @param {(factor: number, about: Spot, by: Spot | null) => void} does.onZoom
 */
export function bindPointers(window, { onHover, onDrag, onEnd, onClick, onDrawn, onZoom }) {
  /** @type {Map<number, Spot>} where those that are down were last */
  const down = new Map();
  /** @type {Spot[]} */
  let path = [];

  /** @param {MouseEvent} event @returns {Spot} */
  function at(event) {
    const box = window.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  window.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    window.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    path = down.size === 1 ? [at(event)] : []; // a second finger ends what the first one drew
    if (down.size > 1) onEnd();
  });
  window.addEventListener("pointermove", (event) => {
    const here = at(event);
    const last = down.get(event.pointerId);
    if (!last) return onHover(here);
    down.set(event.pointerId, here);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) return pinch(last, here, other);
    if (!path.length) return;
    path.push(here);
    onDrag(last, here, path);
  });

  /** @param {Spot} last @param {Spot} here @param {Spot} other */
  function pinch(last, here, other) {
    const factor = apart(here, other) / Math.max(1, apart(last, other));
    const by = { x: (here.x - last.x) / 2, y: (here.y - last.y) / 2 };
    onZoom(factor, { x: (here.x + other.x) / 2, y: (here.y + other.y) / 2 }, by);
  }

  /** @param {PointerEvent} event */
  function lift(event) {
    if (!down.delete(event.pointerId)) return;
    const drawn = path;
    path = [];
    onEnd();
    if (!drawn.length || event.type === "pointercancel") return;
    if (drawn.every((each) => apart(each, drawn[0]) < CLICK_PX)) onClick(drawn[0]);
    else onDrawn(drawn);
  }
  window.addEventListener("pointerup", lift);
  window.addEventListener("pointercancel", lift);
  window.addEventListener("pointerleave", () => !down.size && onHover(null));
  window.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1;
      onZoom(Math.exp(-event.deltaY * lines * PER_PX), at(event), null);
    },
    { passive: false },
  );
}

/** @param {Spot} one @param {Spot} other */
function apart(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
