// @ts-check
/** The map's legend: a row a category, which shows and hides it, with how many of it are selected. */

import { categoryColour, rampStops } from "./map_colours.js";

/** @typedef {{title: string, kind: string, values: string[], low: number, high: number}} Column */

/** Fires "change" when categories are shown or hidden. */
export class Legend extends EventTarget {
  /** @param {HTMLElement} element */
  constructor(element) {
    super();
    this.element = element;
    /** @type {Set<number>} */
    this.hidden = new Set();
    /** @type {Map<number, {row: HTMLElement, button: HTMLButtonElement, count: HTMLElement}>} */
    this.rows = new Map();
  }

  /**
   * Show a column's categories, the most frequent first, or a number's ramp.
   * @param {Column} column
   * @param {Int32Array | Float32Array} data of each point
   */
  show(column, data) {
    this.hidden.clear();
    this.rows.clear();
    this.column = column;
    this.data = data;
    if (column.kind === "number") {
      this.totals = new Map();
      this.element.replaceChildren(numberRamp(column));
      return;
    }
    this.totals = counted(data);
    const codes = [...this.totals.keys()].sort((a, b) => (this.totals?.get(b) ?? 0) - (this.totals?.get(a) ?? 0) || a - b);
    const list = document.createElement("ul");
    list.className = "legend-rows";
    for (const code of codes) list.append(this.row(code));
    list.addEventListener("keydown", (event) => this.step(event));
    this.enter();
    this.element.replaceChildren(this.tools(codes), list);
    this.count(null);
  }

  /**
   * Write how many of each category are among some points: "47 / 412".
   * @param {Int32Array | null} points null: none are, and the whole number stands alone
   */
  count(points) {
    const among = points && this.data ? counted(points.length ? pick(this.data, points) : new Int32Array(0)) : null;
    for (const [code, { count }] of this.rows) {
      const total = this.totals?.get(code) ?? 0;
      count.textContent = among ? `${among.get(code) ?? 0} / ${total}` : String(total);
    }
  }

  /** @param {number} code */
  row(code) {
    const [row, button] = [document.createElement("li"), document.createElement("button")];
    button.type = "button";
    button.className = "legend-row";
    button.setAttribute("aria-pressed", "true");
    const swatch = document.createElement("span");
    swatch.className = "legend-swatch";
    swatch.style.setProperty("background", categoryColour(code));
    const name = document.createElement("span");
    name.className = "legend-name";
    name.textContent = code < 0 ? "(none)" : (this.column?.values[code] ?? "");
    button.title = `${name.textContent}\nA double click shows this one alone, or all again.`;
    const count = document.createElement("span");
    count.className = "legend-count";
    button.append(swatch, name, count);
    button.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays with the tiles or the map
    button.addEventListener("click", () => this.toggle([code]));
    button.addEventListener("dblclick", () => this.showOnly(code));
    row.append(button);
    this.rows.set(code, { row, button, count });
    return row;
  }

  /** Let the Tab key stop at one row of those that are shown; arrows go to the others. @param {HTMLButtonElement} [stop] */
  enter(stop) {
    const all = [...this.rows.values()];
    const at = stop ?? all.find(({ row }) => !row.hidden)?.button;
    for (const { button } of all) button.tabIndex = button === at ? 0 : -1;
    if (stop) stop.focus();
  }

  /** @param {KeyboardEvent} event */
  step(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const shown = [...this.rows.values()].filter(({ row }) => !row.hidden).map(({ button }) => button);
    const at = shown.findIndex((button) => button === event.target);
    this.enter(shown[Math.min(shown.length - 1, Math.max(0, at + by))]);
  }

  /** @param {number[]} codes */
  tools(codes) {
    const bar = document.createElement("div");
    bar.className = "legend-tools";
    const search = document.createElement("input");
    search.type = "search";
    search.placeholder = "Find";
    search.setAttribute("aria-label", "Find in the legend");
    search.addEventListener("input", () => this.filter(search.value));
    const [all, none] = ["all", "none"].map((text) => document.createElement("button"));
    for (const [button, text] of /** @type {const} */ ([[all, "All"], [none, "None"]])) {
      button.type = "button";
      button.textContent = text;
      button.addEventListener("click", () => this.hide(text === "All" ? [] : codes));
    }
    bar.append(...(codes.length > 12 ? [search] : []), all, none);
    return bar;
  }

  /** @param {string} text */
  filter(text) {
    const wanted = text.trim().toLocaleLowerCase();
    for (const [code, { row }] of this.rows) {
      row.hidden = wanted !== "" && !(this.column?.values[code] ?? "").toLocaleLowerCase().includes(wanted);
    }
    this.enter();
  }

  /** @param {number[]} codes */
  toggle(codes) {
    const hidden = new Set(this.hidden);
    for (const code of codes) if (!hidden.delete(code)) hidden.add(code);
    this.hide([...hidden]);
  }

  /** @param {number} code */
  showOnly(code) {
    const others = [...this.rows.keys()].filter((other) => other !== code);
    const isAlone = others.length > 0 && others.every((other) => this.hidden.has(other)); // the two clicks before changed nothing
    this.hide(isAlone ? [] : others);
  }

  /** @param {number[]} codes these and no others */
  hide(codes) {
    this.hidden = new Set(codes);
    for (const [code, { button }] of this.rows) button.setAttribute("aria-pressed", String(!this.hidden.has(code)));
    this.dispatchEvent(new CustomEvent("change"));
  }

  /** @param {number} i */
  isHidden(i) {
    return this.hidden.size > 0 && this.hidden.has(this.data ? this.data[i] : -1);
  }
}

/** @param {ArrayLike<number>} data */
function counted(data) {
  /** @type {Map<number, number>} */
  const found = new Map();
  for (let i = 0; i < data.length; i++) found.set(data[i], (found.get(data[i]) ?? 0) + 1);
  return found;
}

/** @param {Int32Array | Float32Array} data @param {Int32Array} points */
function pick(data, points) {
  return Float64Array.from(points, (i) => data[i]);
}

/** @param {Column} column */
function numberRamp(column) {
  const box = document.createElement("div");
  box.className = "legend-ramp";
  const bar = document.createElement("div");
  bar.className = "legend-bar";
  bar.style.setProperty("background", `linear-gradient(to right, ${rampStops()})`);
  const ends = document.createElement("div");
  ends.className = "legend-ends";
  for (const end of [column.low, column.high]) {
    const text = document.createElement("span");
    text.textContent = Number(end.toPrecision(3)).toString();
    ends.append(text);
  }
  box.append(bar, ends);
  return box;
}
