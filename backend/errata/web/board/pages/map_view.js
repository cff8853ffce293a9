// @ts-check
/** The map itself: draws the points, and lets people move it, point at points and select them. */

import { canvasRenderer } from "./points_canvas.js";
import { MARK, growth, webglRenderer } from "./points_webgl.js";
import { Places, moved, wholeView, zoomed } from "./map_places.js";
import { bindPointers } from "./map_pointers.js";

/** @typedef {import("./points_webgl.js").View} View */

const SVG = "http://www.w3.org/2000/svg";
const REACH_PX = 12; // how near the pointer has to be to a point
const STEP_PX = 80; // of an arrow key

/**
 * Fires "hover" and "pick" with a point or -1, "select" with points, and "view", each in `detail`.
 */
export class MapView extends EventTarget {
  /** @param {HTMLElement} element takes up all of it */
  constructor(element) {
    super();
    this.element = element;
    /** @type {"pan" | "lasso" | "box"} */
    this.tool = "pan";
    this.overlay = document.createElementNS(SVG, "svg");
    this.overlay.classList.add("map-overlay");
    this.line = document.createElementNS(SVG, "path");
    this.line.classList.add("map-lasso");
    this.pin = document.createElementNS(SVG, "circle");
    this.pin.classList.add("map-pin");
    this.pin.setAttribute("visibility", "hidden");
    this.overlay.append(this.line, this.pin);
    this.canvas = pointsCanvas();
    let renderer = webglRenderer(this.canvas);
    if (!renderer) {
      this.canvas = pointsCanvas(); // one that was asked for WebGL may give nothing else
      renderer = canvasRenderer(this.canvas);
    }
    this.renderer = renderer;
    element.append(this.canvas, this.overlay);
    [this.width, this.height] = [1, 1];
    /** @type {View} */
    this.view = wholeView(1, 1);
    this.isWhole = true; // nobody has moved it yet
    this.places = new Places(new Float32Array(0));
    this.colour = new Uint32Array(0);
    this.marks = new Uint8Array(0);
    this.size = new Float32Array(0);
    this.pinned = -1;
    this.isDirty = false;
    this.ring = [0, 0, 0];
    this.takeColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.takeColours());
    new ResizeObserver(() => this.fit()).observe(element);
    this.fit();
    this.listen();
  }

  /**
   * @param {{xy: Float32Array, size: Float32Array, apart: Uint8Array}} points `size` as CSS pixels at zoom 1
   * @param {Uint32Array} colour
   */
  load(points, colour) {
    this.places = new Places(points.xy);
    this.size = points.size;
    this.marks = points.apart.map((is) => (is ? MARK.apart : 0));
    this.colour = colour;
    this.pinned = -1;
    this.renderer.load({ xy: points.xy, size: points.size, colour, marks: this.marks });
    this.redraw();
  }

  /** @param {Uint32Array} colour */
  paint(colour) {
    this.colour = colour;
    this.remark();
  }

  /**
   * Give a mark to the points that have it and take it from all others.
   * @param {number} bit
   * @param {(i: number) => boolean} has
   */
  mark(bit, has) {
    for (let i = 0; i < this.marks.length; i++) {
      this.marks[i] = has(i) ? this.marks[i] | bit : this.marks[i] & ~bit;
    }
    this.remark();
  }

  /**
   * Select points; all others are dimmed. None takes the selection away.
   * @param {Int32Array | number[]} points
   */
  select(points) {
    for (let i = 0; i < this.marks.length; i++) {
      this.marks[i] &= ~(MARK.selected | MARK.dimmed);
      if (points.length) this.marks[i] |= MARK.dimmed;
    }
    for (const i of points) this.marks[i] = (this.marks[i] & ~MARK.dimmed) | MARK.selected;
    this.remark();
  }

  remark() {
    this.renderer.repaint(this.colour, this.marks);
    this.redraw();
  }

  /**
   * Mark one point, -1 none, and bring it into sight.
   * @param {number} i
   * @param {boolean} [comesCloser]
   */
  pinAt(i, comesCloser = false) {
    this.pinned = i;
    if (i >= 0 && comesCloser) {
      const least = 6 * wholeView(this.width, this.height).scale;
      const [x, y] = [this.places.xy[2 * i], this.places.xy[2 * i + 1]];
      this.go({ x, y, scale: Math.max(least, this.view.scale) });
    }
    this.redraw();
  }

  /** @param {View} view */
  go(view) {
    this.view = view;
    this.isWhole = false;
    this.redraw();
    this.dispatchEvent(new CustomEvent("view", { detail: view }));
  }

  showWhole() {
    this.go(wholeView(this.width, this.height));
    this.isWhole = true;
  }

  /** @param {number} factor @param {number} [px] from the middle @param {number} [py] */
  zoom(factor, px = 0, py = 0) {
    this.go(zoomed(this.view, factor, px, py, this.width, this.height));
  }

  /** Draw rings in the page's colour of text: no point has it, in light and in dark. */
  takeColours() {
    const numbers = getComputedStyle(this.element).color.match(/[\d.]+/g) ?? [];
    this.ring = numbers.slice(0, 3).map((each) => Number(each) / 255);
    this.redraw();
  }

  fit() {
    const box = this.element.getBoundingClientRect();
    [this.width, this.height] = [Math.max(1, Math.floor(box.width)), Math.max(1, Math.floor(box.height))];
    const ratio = devicePixelRatio || 1;
    [this.canvas.width, this.canvas.height] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    this.overlay.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    if (this.isWhole) this.view = wholeView(this.width, this.height);
    this.redraw();
  }

  redraw() {
    if (this.isDirty) return;
    this.isDirty = true;
    requestAnimationFrame(() => {
      this.isDirty = false;
      this.renderer.draw(this.view, this.width, this.height, devicePixelRatio || 1, this.ring);
      this.drawPin();
    });
  }

  drawPin() {
    const isShown = this.pinned >= 0;
    this.pin.setAttribute("visibility", isShown ? "visible" : "hidden");
    if (!isShown) return;
    const { x, y } = this.onScreen(this.pinned);
    const grown = growth(this.view.scale / Math.min(this.width, this.height));
    this.pin.setAttribute("cx", String(x));
    this.pin.setAttribute("cy", String(y));
    this.pin.setAttribute("r", String((this.size[this.pinned] * grown) / 2 + 7));
  }

  /** @param {number} i */
  onScreen(i) {
    const { x, y, scale } = this.view;
    return {
      x: this.width / 2 + (this.places.xy[2 * i] - x) * scale,
      y: this.height / 2 - (this.places.xy[2 * i + 1] - y) * scale,
    };
  }

  /** @param {number} px @param {number} py */
  pointAt(px, py) {
    const [x, y] = [
      this.view.x + (px - this.width / 2) / this.view.scale,
      this.view.y - (py - this.height / 2) / this.view.scale,
    ];
    return this.places.nearest(x, y, REACH_PX / this.view.scale, (i) => this.isShown(i));
  }

  /** @param {number} i */
  isShown(i) {
    return !(this.marks[i] & MARK.hidden);
  }

  /** @param {{x: number, y: number}[]} line */
  selectInside(line) {
    const found = this.places.inside(line, this.view, this.width, this.height, (i) => this.isShown(i));
    this.dispatchEvent(new CustomEvent("select", { detail: found }));
  }

  listen() {
    let hovered = -1;
    const hover = (/** @type {number} */ i) => {
      if (i !== hovered) this.dispatchEvent(new CustomEvent("hover", { detail: (hovered = i) }));
    };
    bindPointers(this.overlay, {
      onHover: (here) => hover(here ? this.pointAt(here.x, here.y) : -1),
      onDrag: (last, here, path) => {
        if (this.tool === "pan") this.go(moved(this.view, here.x - last.x, here.y - last.y));
        else this.line.setAttribute("d", outline(this.tool, path));
      },
      onEnd: () => this.line.setAttribute("d", ""),
      onClick: ({ x, y }) => this.dispatchEvent(new CustomEvent("pick", { detail: this.pointAt(x, y) })),
      onDrawn: (path) => {
        if (this.tool !== "pan") this.selectInside(this.tool === "box" ? corners(path) : path);
      },
      onZoom: (factor, { x, y }, by) => {
        if (by) this.view = moved(this.view, by.x, by.y);
        this.zoom(factor, x - this.width / 2, y - this.height / 2);
      },
    });
  }

  /**
   * Move the map by a key; say whether it was one that does.
   * @param {string} key
   */
  press(key) {
    const steps = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const step = steps[/** @type {keyof typeof steps} */ (key)];
    if (step) this.go(moved(this.view, STEP_PX * step[0], STEP_PX * step[1]));
    else if (key === "+" || key === "=") this.zoom(1.5);
    else if (key === "-") this.zoom(1 / 1.5);
    else if (key === "0") this.showWhole();
    else return false;
    return true;
  }
}

function pointsCanvas() {
  const canvas = document.createElement("canvas");
  canvas.className = "map-points";
  return canvas;
}

/** @param {{x: number, y: number}[]} path */
function corners(path) {
  const [from, to] = [path[0], path[path.length - 1]];
  return [from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }];
}

/** @param {string} tool @param {{x: number, y: number}[]} path */
function outline(tool, path) {
  const line = tool === "box" ? corners(path) : path;
  return `M${line.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z`;
}
