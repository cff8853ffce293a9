// @ts-check
/** Makes elements. What comes from a project becomes text, never markup. */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes] true is an empty one; false, null and undefined leave it out
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => /** @type {Node | string} */ (child)));
  return made;
}

/**
 * A button that leaves the focus where it is, so that the keys go on working.
 * @param {string} text @param {() => void} onClick @param {Record<string, string | boolean>} [attributes]
 */
export function button(text, onClick, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("mousedown", (event) => event.preventDefault());
  made.addEventListener("click", onClick);
  return made;
}

/** @param {string} tag @param {Record<string, string | number>} attributes @param {...Node} children */
export function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** Set a text in the node that holds it, and only where it differs: another node would cost a layout and memory. @param {Node} node @param {string} text */
export function setText(node, text) {
  const held = node.firstChild;
  if (held instanceof Text && held.nextSibling === null) {
    if (held.data !== text) held.data = text;
  } else if (node.textContent !== text) node.textContent = text;
}

const COUNT = new Intl.NumberFormat("en");

/** @param {number} n */
export function count(n) {
  return COUNT.format(n);
}

/** @param {number} share in [0, 1] */
export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

/** @param {number} n @param {string} one @param {string} [many] */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}
