// @ts-check
/** The mouse on the grid: a click puts the cursor, Shift makes a range, a drag paints, a double click decides. */

/**
 * @param {HTMLElement} grid
 * @param {object} does
 * @param {(index: number, isRange: boolean) => void} does.moveTo
 * @param {(indices: number[]) => void} does.onPaint
 * @param {(index: number, on: boolean) => void} does.mark shows a tile as painted before the button is let go
 */
export function bindMouse(grid, { moveTo, onPaint, mark }) {
  /** @type {{first: number, painted: Set<number>} | null} */
  let stroke = null;

  grid.addEventListener("pointerdown", (event) => {
    const index = indexAt(event.target);
    if (index === null || event.button !== 0 || event.pointerType === "touch") return;
    if (event.shiftKey) event.preventDefault(); // no text is selected
    moveTo(index, event.shiftKey);
    stroke = event.shiftKey ? null : { first: index, painted: new Set() };
  });

  grid.addEventListener("pointermove", (event) => {
    if (stroke === null || !(event.buttons & 1)) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const index = indexAt(document.elementFromPoint(each.clientX, each.clientY));
      if (index !== null && (index !== stroke.first || stroke.painted.size)) paint(stroke, index);
    }
  });

  const letGo = () => {
    const painted = [...(stroke?.painted ?? [])];
    stroke = null;
    for (const index of painted) mark(index, false);
    if (painted.length) onPaint(painted);
  };
  addEventListener("pointerup", letGo);
  addEventListener("pointercancel", letGo);

  grid.addEventListener("click", (event) => {
    const index = indexAt(event.target);
    if (index !== null && event.pointerType === "touch") moveTo(index, false);
  });
  grid.addEventListener("dblclick", (event) => {
    const index = indexAt(event.target);
    if (index !== null && !event.shiftKey) onPaint([index]);
  });

  /** @param {{first: number, painted: Set<number>}} drawn @param {number} index */
  function paint(drawn, index) {
    for (const each of [drawn.first, index]) {
      if (!drawn.painted.has(each)) mark(each, true);
      drawn.painted.add(each);
    }
  }

  /** @param {EventTarget | null} target */
  function indexAt(target) {
    const tile = target instanceof Element ? target.closest(".tile") : null;
    return tile instanceof HTMLElement && grid.contains(tile) ? Number(tile.dataset.index) : null;
  }
}
