// @ts-check
/** Colours of the map's points: of categories, however many, and of numbers. */

// Told apart by people who see colours differently, too (Okabe and Ito, 2008), then hues by the golden angle.
const FIRST = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#7a5cc2"];
const GOLDEN_ANGLE = 137.508;
const UNKNOWN = rgb("#9a9a9a");
// From low to high, evenly bright steps from dark blue to yellow.
const RAMP = ["#30417a", "#2c7a8c", "#35a86f", "#a5c63b", "#f5e04b"].map(rgb);

/**
 * Return the colour of a category by its number, as CSS has it.
 * @param {number} code -1 where the point has none
 */
export function categoryColour(code) {
  return css(category(code));
}

/**
 * Return points' colours as the renderers take them.
 * @param {{kind: string, low: number, high: number}} column
 * @param {Int32Array | Float32Array} data a category's number, or a number, of each point
 */
export function colourPoints(column, data) {
  const colours = new Uint32Array(data.length);
  if (column.kind === "number") {
    const span = column.high - column.low || 1;
    for (let i = 0; i < data.length; i++) colours[i] = packed(ramp((data[i] - column.low) / span));
    return colours;
  }
  /** @type {Map<number, number>} */
  const known = new Map();
  for (let i = 0; i < data.length; i++) {
    let colour = known.get(data[i]);
    if (colour === undefined) known.set(data[i], (colour = packed(category(data[i]))));
    colours[i] = colour;
  }
  return colours;
}

/** Return the ramp of numbers as stops of a CSS gradient, low to high. */
export function rampStops() {
  return RAMP.map(css).join(", ");
}

/** @param {number} code */
function category(code) {
  if (code < 0) return UNKNOWN;
  if (code < FIRST.length) return rgb(FIRST[code]);
  const further = code - FIRST.length;
  return fromHue((further * GOLDEN_ANGLE) % 360, 0.55 + 0.25 * ((further >> 2) % 2), 0.42 + 0.12 * (further % 3));
}

/** @param {number} share */
function ramp(share) {
  if (!(share >= 0)) return UNKNOWN;
  const at = Math.min(share, 1) * (RAMP.length - 1);
  const [low, part] = [Math.min(Math.floor(at), RAMP.length - 2), at - Math.min(Math.floor(at), RAMP.length - 2)];
  return RAMP[low].map((from, i) => Math.round(from + part * (RAMP[low + 1][i] - from)));
}

/** @param {number} hue degrees @param {number} saturation @param {number} lightness */
function fromHue(hue, saturation, lightness) {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map((n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  });
}

/** @param {string} hex */
function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** @param {number[]} colour */
function css([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}

/** @param {number[]} colour */
function packed([red, green, blue]) {
  return (red | (green << 8) | (blue << 16) | 0xff000000) >>> 0;
}
