// @ts-check
/** Draws the map's points into the pixels of a canvas, where no graphics card does it by WebGL. */

import { MARK, growth, ringWidth } from "./points_webgl.js";

/** @typedef {import("./points_webgl.js").Renderer} Renderer @typedef {import("./points_webgl.js").Points} Points */

const OPAQUE = 0xff000000;
const FAINT = 0x30000000;

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

  return {
    name: "canvas (no graphics card)",
    load(all) {
      points = { ...all };
    },
    repaint(colour, marks) {
      if (points) points = { ...points, colour, marks };
    },
    draw(view, width, height, ratio, ring) {
      const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
      if (!frame || frame.width !== w || frame.height !== h) frame = context.createImageData(w, h);
      const pixels = new Uint32Array(frame.data.buffer);
      pixels.fill(0);
      const onto = { pixels, w, h, ratio, edged: packed(ring), grown: growth(view.scale / Math.min(width, height)) };
      for (const isMarked of [false, true]) if (points) plot(points, view, onto, isMarked); // marked ones on top
      context.putImageData(frame, 0, 0);
    },
    dispose() {
      points = frame = null;
    },
  };

  /**
   * @param {Points} all
   * @param {import("./points_webgl.js").View} view
   * @param {{pixels: Uint32Array, w: number, h: number, ratio: number, edged: number, grown: number}} onto
   * @param {boolean} isMarked draws those that are, or those that are not
   */
  function plot(all, view, onto, isMarked) {
    const { pixels, w, h, ratio, edged, grown } = onto;
    const scale = view.scale * ratio;
    const [left, top] = [w / 2 - view.x * scale, h / 2 + view.y * scale];
    for (let i = 0; i < all.size.length; i++) {
      const marks = all.marks[i];
      if (marks & MARK.hidden || (marks & (MARK.apart | MARK.selected)) > 0 !== isMarked) continue;
      const radius = Math.max(1, (all.size[i] * grown * ratio) / 2);
      const reach = Math.ceil(radius + (marks & MARK.apart ? ringWidth(all.size[i] * grown) * ratio : 0));
      const x = Math.round(left + all.xy[2 * i] * scale);
      const y = Math.round(top - all.xy[2 * i + 1] * scale);
      if (x < -reach || y < -reach || x >= w + reach || y >= h + reach) continue;
      const shade = marks & MARK.dimmed ? faded : (/** @type {number} */ colour) => colour;
      const fill = shade(all.colour[i]);
      disc(pixels, w, h, x, y, radius, reach, fill, marks & MARK.apart ? shade(edged) : fill);
    }
  }
}

/**
 * @param {Uint32Array} pixels @param {number} w @param {number} h @param {number} x @param {number} y
 * @param {number} radius @param {number} reach @param {number} fill @param {number} edge
 */
function disc(pixels, w, h, x, y, radius, reach, fill, edge) {
  const [outer, inner] = [reach * reach, Math.max(0, radius - (edge === fill ? 0 : 0.5)) ** 2];
  for (let dy = Math.max(-reach, -y); dy <= reach && y + dy < h; dy++) {
    for (let dx = Math.max(-reach, -x); dx <= reach && x + dx < w; dx++) {
      const away = dx * dx + dy * dy;
      if (away <= inner) pixels[(y + dy) * w + x + dx] = fill;
      else if (edge !== fill && away <= outer) pixels[(y + dy) * w + x + dx] = edge;
    }
  }
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
