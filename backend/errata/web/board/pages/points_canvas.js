// @ts-check
/** Draws the map's points into the pixels of a canvas, where no graphics card does it by WebGL. */

import { MARK, growth, ringWidth } from "./points_webgl.js";

/** @typedef {import("./points_webgl.js").Renderer} Renderer @typedef {import("./points_webgl.js").Points} Points */

const OPAQUE = 0xff000000;
const FAINT = 0x30000000;
const PER_PX = 4; // radii that are told apart

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Renderer}
 */
export function canvasRenderer(canvas) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** @type {Points | null} */
  let points = null;
  /** @type {ImageData | null} */
  let frame = null;
  let order = new Uint32Array(0);

  return {
    name: "canvas (no graphics card)",
    load(all) {
      points = { ...all };
      order = drawingOrder(all.marks);
    },
    repaint(colour, marks) {
      if (points) points = { ...points, colour, marks };
      order = drawingOrder(marks);
    },
    draw(view, width, height, ratio, ring) {
      const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
      if (!frame || frame.width !== w || frame.height !== h) frame = context.createImageData(w, h);
      const pixels = new Uint32Array(frame.data.buffer);
      pixels.fill(0);
      const grown = growth(view.scale / Math.min(width, height));
      if (points) plot(points, order, view, { pixels, w, h, ratio, ring: packed(ring), grown });
      context.putImageData(frame, 0, 0);
    },
    dispose() {
      points = frame = null;
    },
  };
}

/** Return the points that are shown, the marked ones last: on top. @param {Uint8Array} marks */
function drawingOrder(marks) {
  const order = new Uint32Array(marks.length);
  let n = 0;
  for (const isMarked of [false, true]) {
    for (let i = 0; i < marks.length; i++) {
      const isOnTop = (marks[i] & (MARK.apart | MARK.selected)) > 0;
      if (isOnTop === isMarked && !(marks[i] & MARK.hidden)) order[n++] = i;
    }
  }
  return order.slice(0, n);
}

/** @typedef {{pixels: Uint32Array, w: number, h: number, ratio: number, ring: number, grown: number}} Frame */

/**
 * @param {Points} all
 * @param {Uint32Array} order
 * @param {import("./points_webgl.js").View} view
 * @param {Frame} frame
 */
function plot(all, order, view, frame) {
  const { w, h, ratio, grown } = frame;
  const scale = view.scale * ratio;
  const [left, top] = [w / 2 - view.x * scale, h / 2 + view.y * scale];
  for (let k = 0; k < order.length; k++) {
    const i = order[k];
    const x = Math.round(left + all.xy[2 * i] * scale);
    const y = Math.round(top - all.xy[2 * i + 1] * scale);
    const diameter = all.size[i] * grown;
    const edge = all.marks[i] & MARK.apart ? ringWidth(diameter) * ratio : 0;
    const radius = Math.max(1, (diameter * ratio) / 2);
    const reach = radius + edge + 1;
    if (x < -reach || y < -reach || x >= w + reach || y >= h + reach) continue;
    const isDimmed = (all.marks[i] & MARK.dimmed) > 0;
    if (edge) disc(frame, x, y, radius + edge, isDimmed ? faded(frame.ring) : frame.ring);
    disc(frame, x, y, radius, isDimmed ? faded(all.colour[i]) : all.colour[i]);
  }
}

/** @param {Frame} frame @param {number} x @param {number} y @param {number} radius @param {number} fill */
function disc({ pixels, w, h }, x, y, radius, fill) {
  const half = halfWidths(radius);
  for (let dy = 1 - half.length; dy < half.length; dy++) {
    if (y + dy < 0 || y + dy >= h) continue;
    const wide = half[dy < 0 ? -dy : dy];
    const row = (y + dy) * w;
    const end = row + Math.min(w - 1, x + wide);
    for (let at = row + Math.max(0, x - wide); at <= end; at++) pixels[at] = fill;
  }
}

/** @type {Int32Array[]} */
const HALF_WIDTHS = [];

/** Return how far a disc reaches to each side in its middle row, the next one, and so on. @param {number} radius in pixels */
function halfWidths(radius) {
  const rounded = Math.round(PER_PX * radius);
  return (HALF_WIDTHS[rounded] ??= Int32Array.from({ length: Math.floor(rounded / PER_PX) + 1 }, (_, dy) => Math.floor(Math.sqrt((rounded / PER_PX) ** 2 - dy * dy))));
}

/** @param {number} colour */
function faded(colour) {
  return ((colour & 0xffffff) | FAINT) >>> 0;
}

/** @param {number[]} colour */
function packed([red, green, blue]) {
  const byte = (/** @type {number} */ share) => Math.round(255 * share);
  return (byte(red) | (byte(green) << 8) | (byte(blue) << 16) | OPAQUE) >>> 0;
}
