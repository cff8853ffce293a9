// @ts-check
/** Where the map's points are on the screen: the view, what is under the pointer, what a lasso holds. */

/** @typedef {import("./points_webgl.js").View} View */

const MOST_ZOOM = 400;
const BINS = 256; // a side

/**
 * Return the view that shows the whole map.
 * @param {number} width of the window in CSS pixels
 * @param {number} height
 * @returns {View}
 */
export function wholeView(width, height) {
  return { x: 0.5, y: 0.5, scale: 0.94 * Math.min(width, height) };
}

/**
 * Return the view after zooming, what is under the pointer staying there.
 * @param {View} view @param {number} factor @param {number} px pointer, from the window's middle @param {number} py downwards
 * @param {number} width @param {number} height
 * @returns {View}
 */
export function zoomed(view, factor, px, py, width, height) {
  const whole = Math.min(width, height);
  const scale = Math.min(MOST_ZOOM * whole, Math.max(0.5 * whole, view.scale * factor));
  const [x, y] = [view.x + px / view.scale, view.y - py / view.scale];
  return { x: x - px / scale, y: y + py / scale, scale };
}

/**
 * Return the view moved by a drag.
 * @param {View} view @param {number} dx CSS pixels @param {number} dy downwards
 * @returns {View}
 */
export function moved(view, dx, dy) {
  return { ...view, x: view.x - dx / view.scale, y: view.y + dy / view.scale };
}

/** Finds points by their place. */
export class Places {
  /** @param {Float32Array} xy x and y of each point, in [0, 1] */
  constructor(xy) {
    this.xy = xy;
    this.n = xy.length / 2;
    const bin = new Uint32Array(this.n);
    const starts = new Uint32Array(BINS * BINS + 1);
    for (let i = 0; i < this.n; i++) {
      bin[i] = binOf(xy[2 * i]) + BINS * binOf(xy[2 * i + 1]);
      starts[bin[i] + 1]++;
    }
    for (let i = 0; i < BINS * BINS; i++) starts[i + 1] += starts[i];
    const next = starts.slice(0, -1);
    this.starts = starts;
    this.order = new Uint32Array(this.n);
    for (let i = 0; i < this.n; i++) this.order[next[bin[i]]++] = i;
  }

  /**
   * Return the point nearest to a place, -1 where none that passes is within `reach`.
   * @param {number} x @param {number} y @param {number} reach as long as the map is wide: 1
   * @param {(i: number) => boolean} passes
   */
  nearest(x, y, reach, passes) {
    let [best, least] = [-1, reach * reach];
    for (let row = binOf(y - reach); row <= binOf(y + reach); row++) {
      for (let column = binOf(x - reach); column <= binOf(x + reach); column++) {
        for (let at = this.starts[column + BINS * row]; at < this.starts[column + BINS * row + 1]; at++) {
          const i = this.order[at];
          const away = (this.xy[2 * i] - x) ** 2 + (this.xy[2 * i + 1] - y) ** 2;
          if (away <= least && passes(i)) [best, least] = [i, away];
        }
      }
    }
    return best;
  }

  /**
   * Return the points whose middle is inside a closed line on the screen, pixel by pixel as it is filled.
   * @param {{x: number, y: number}[]} line in CSS pixels of the window
   * @param {View} view @param {number} width @param {number} height
   * @param {(i: number) => boolean} passes
   * @returns {Int32Array}
   */
  inside(line, view, width, height, passes) {
    const filled = filledPixels(line, width, height);
    const found = new Int32Array(this.n);
    let count = 0;
    for (let i = 0; i < this.n; i++) {
      const px = Math.floor(width / 2 + (this.xy[2 * i] - view.x) * view.scale);
      const py = Math.floor(height / 2 - (this.xy[2 * i + 1] - view.y) * view.scale);
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      if (filled[4 * (py * width + px) + 3] > 127 && passes(i)) found[count++] = i;
    }
    return found.slice(0, count);
  }
}

/** @param {number} share */
function binOf(share) {
  return Math.min(BINS - 1, Math.max(0, Math.floor(share * BINS)));
}

/** @param {{x: number, y: number}[]} line @param {number} width @param {number} height */
function filledPixels(line, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    canvas.getContext("2d", { willReadFrequently: true })
  );
  context.beginPath();
  for (const { x, y } of line) context.lineTo(x, y);
  context.closePath();
  context.fill("evenodd");
  return context.getImageData(0, 0, width, height).data;
}
