// @ts-check
/** How many columns make the tiles of a page as large as they can be. */

/**
 * @param {number} n tiles
 * @param {{width: number, height: number}} room pixels
 * @param {{aspect: number, caption: number, gap: number, largest: number}} tile width over height of the content; pixels
 */
export function columnsFor(n, room, { aspect, caption, gap, largest }) {
  let best = { columns: 1, side: -Infinity };
  for (let columns = 1; columns <= Math.max(1, n); columns++) {
    const rows = Math.ceil(n / columns);
    const width = (room.width - gap * (columns - 1)) / columns;
    const height = (room.height - gap * (rows - 1)) / rows - caption;
    const side = Math.min(width / aspect, height, largest);
    if (side > best.side + 0.5) best = { columns, side };
  }
  return best;
}
