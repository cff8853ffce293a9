// @ts-check
/** Draws the map's points with WebGL: one buffer each of places, sizes, colours and marks; a frame changes no buffer. */

/**
 * @typedef {object} Points
 * @property {Float32Array} xy x and y of each point, in [0, 1], y upwards
 * @property {Float32Array} size diameter in CSS pixels at zoom 1
 * @property {Uint32Array} colour red in the lowest byte, then green, blue and 255
 * @property {Uint8Array} marks see MARK
 *
 * @typedef {object} View
 * @property {number} x what stands in the middle of the window
 * @property {number} y
 * @property {number} scale CSS pixels for a length of 1
 *
 * @typedef {object} Renderer
 * @property {string} name who draws, for people
 * @property {(points: Points) => void} load takes all points anew
 * @property {(colour: Uint32Array, marks: Uint8Array) => void} repaint takes colours and marks anew
 * @property {(view: View, width: number, height: number, ratio: number, ring: number[]) => void} draw `ring`: red, green and blue of a ring, in [0, 1]
 * @property {() => void} dispose
 */

/** Bits of a point's marks. */
export const MARK = Object.freeze({ hidden: 1, apart: 2, selected: 4, dimmed: 8 });

const IMITATED = /swiftshader|llvmpipe|softpipe|software|basic render/i;

const VERTEX = `#version 300 es
layout(location = 0) in vec2 place;
layout(location = 1) in float size;
layout(location = 2) in vec4 colour;
layout(location = 3) in uint marks;
uniform vec2 middle;
uniform vec2 zoom;
uniform float ratio;
uniform float growth;
uniform bool marked;
flat out vec4 tint;
flat out uint bits;
flat out float diameter;
flat out float edge;
void main() {
  bits = marks;
  tint = colour;
  edge = (marks & 2u) != 0u ? clamp(0.25 * size * growth, 1.0, 2.0) * ratio : 0.0; // ringWidth
  diameter = size * growth * ratio + 2.0 * edge;
  gl_PointSize = diameter;
  bool isLater = (marks & 6u) != 0u; // on top of the others
  gl_Position = (marks & 1u) != 0u || isLater != marked ? vec4(2.0, 2.0, 2.0, 1.0) : vec4((place - middle) * zoom, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 tint;
flat in uint bits;
flat in float diameter;
flat in float edge;
uniform vec4 ring;
out vec4 shade;
void main() {
  float radius = diameter * 0.5;
  float away = length(gl_PointCoord - 0.5) * diameter;
  if (away > radius) discard;
  shade = vec4(tint.rgb, (bits & 8u) != 0u ? 0.15 : 0.85);
  if ((bits & 2u) != 0u && away > radius - edge) shade = vec4(ring.rgb, (bits & 8u) != 0u ? 0.3 : 1.0);
}`;

/**
 * Say how much larger points are drawn at a zoom: slower than the map grows, so that a crowd opens up.
 * @param {number} zoom 1 where the whole map is in sight
 */
export function growth(zoom) {
  return Math.min(4, Math.max(1, Math.sqrt(zoom)));
}

/**
 * Return how wide a ring around a point is.
 * @param {number} diameter of the point, in CSS pixels
 */
export function ringWidth(diameter) {
  return Math.min(2, Math.max(1, 0.25 * diameter));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Renderer | null} null where the browser has no WebGL 2, or imitates it: plotting pixels is ten times faster
 */
export function webglRenderer(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, premultipliedAlpha: false });
  if (!gl || IMITATED.test(rendererName(gl))) return null;
  const program = linked(gl);
  if (!program) return null;
  const at = (/** @type {string} */ name) => gl.getUniformLocation(program, name);
  const uniforms = { middle: at("middle"), zoom: at("zoom"), ratio: at("ratio"), growth: at("growth"), marked: at("marked"), ring: at("ring") };
  const buffers = [gl.createBuffer(), gl.createBuffer(), gl.createBuffer(), gl.createBuffer()];
  let n = 0;

  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);

  /** @param {number} i @param {AllowSharedBufferSource} data @param {number} usage */
  function fill(i, data, usage) {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[i]);
    gl.bufferData(gl.ARRAY_BUFFER, data, usage);
    gl.enableVertexAttribArray(i);
    if (i === 0) gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    if (i === 1) gl.vertexAttribPointer(1, 1, gl.FLOAT, false, 0, 0);
    if (i === 2) gl.vertexAttribPointer(2, 4, gl.UNSIGNED_BYTE, true, 0, 0);
    if (i === 3) gl.vertexAttribIPointer(3, 1, gl.UNSIGNED_BYTE, 0, 0);
  }

  return {
    name: `WebGL (${rendererName(gl)})`,
    load(points) {
      n = points.size.length;
      fill(0, points.xy, gl.STATIC_DRAW);
      fill(1, points.size, gl.STATIC_DRAW);
      this.repaint(points.colour, points.marks);
    },
    repaint(colour, marks) {
      fill(2, colour, gl.DYNAMIC_DRAW);
      fill(3, marks, gl.DYNAMIC_DRAW);
    },
    draw(view, width, height, ratio, ring) {
      gl.viewport(0, 0, width * ratio, height * ratio);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(uniforms.middle, view.x, view.y);
      gl.uniform2f(uniforms.zoom, (2 * view.scale) / width, (2 * view.scale) / height);
      gl.uniform1f(uniforms.ratio, ratio);
      gl.uniform4fv(uniforms.ring, [...ring, 1]);
      gl.uniform1f(uniforms.growth, growth(view.scale / Math.min(width, height)));
      for (const marked of [0, 1]) {
        gl.uniform1i(uniforms.marked, marked);
        if (n) gl.drawArrays(gl.POINTS, 0, n);
      }
    },
    dispose() {
      for (const buffer of buffers) gl.deleteBuffer(buffer);
      gl.deleteProgram(program);
    },
  };
}

/** @param {WebGL2RenderingContext} gl */
function rendererName(gl) {
  const about = gl.getExtension("WEBGL_debug_renderer_info");
  return String(gl.getParameter(about ? about.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

/** @param {WebGL2RenderingContext} gl */
function linked(gl) {
  const program = gl.createProgram();
  for (const [type, source] of /** @type {const} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]])) {
    const shader = gl.createShader(type);
    if (!program || !shader) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}
