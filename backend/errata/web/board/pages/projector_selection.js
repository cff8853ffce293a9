// @ts-check
/** What is selected or pinned on the map, as tiles with the board's keys. */

import { ApiError, post, signIn } from "./api.js";
import { mountBoard } from "./board.js";
import { button, element, plural } from "./elements.js";
import { keepSelection } from "./selections.js";
import { selectionSource, similarSource } from "./sources.js";

/** @typedef {import("./types.js").Project} Project @typedef {import("./types.js").Tile} Tile */

const MOST_IN_BLOCKS = 5000; // more are shown in the order of their rows: the server is sent all of them for each page
const MOST_SENT = 1000;
const HINT =
  "Point at a point to see it. Click one to have it here beside what is most similar to it. Draw a lasso or a box to have what is inside here, with the board's keys.";

/** @type {import("./keys.js").Key[]} */
const MAP_KEYS = [
  ["next", ["s"], "Next suspect: the rings, the strongest disagreement first"],
  ["previous", ["Shift+S"], "Suspect before"],
  ["move", ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], "Move the map, where it has the focus"],
  ["zoom", ["+", "-"], "Closer, farther (the wheel, or two fingers)"],
  ["whole", ["0"], "The whole map"],
  ["tool", ["v", "l", "d"], "A drag moves, draws a lasso, draws a box"],
  ["clear", ["Escape"], "Select nothing, where the map has the focus"],
].map(([command, keys, does]) => /** @type {import("./keys.js").Key} */ ({ part: "The map", command, keys, does }));

/** The side of the projector. */
export class ProjectorSelection {
  /**
   * @param {HTMLElement} side @param {Project} project @param {import("./outbox.js").Outbox} outbox
   * @param {() => void} onClear
   */
  constructor(side, project, outbox, onClear) {
    this.side = side;
    this.project = project;
    this.title = element("h1");
    this.said = element("p", { class: "selection-said", role: "status" });
    this.send = button("", () => void this.sendAll(), { title: "What stands there already is left as it is" });
    this.link = element("a", { class: "selection-link" }, "Open on the board");
    this.clear = button("Clear", onClear, { title: "Escape" });
    this.tools = element("div", { class: "selection-tools" }, this.send, this.link, this.clear);
    const heading = element("div", { class: "selection-heading" }, this.title, this.tools, this.said);
    this.hint = element("p", { class: "selection-hint" }, HINT);
    this.board = mountBoard(side, { project, outbox, heading, moreKeys: MAP_KEYS });
    side.append(this.hint);
    /** @type {number[]} */
    this.rows = [];
    this.asked = 0;
    this.empty();
  }

  /** Let the board's keys go to the tiles. */
  focus() {
    this.board.grid.focus();
  }

  empty() {
    this.rows = [];
    this.side.classList.add("is-empty");
    this.tools.hidden = true;
    this.said.textContent = "";
    this.board.clear(); // no key may decide on what is not in sight
  }

  /**
   * Show the rows that are selected.
   * @param {number[]} rows @param {string} version the table that they are of @param {string | null} name it was kept by
   * @returns {string | null} the name it is kept by, null where nothing is selected
   */
  show(rows, version, name = null) {
    this.asked++;
    if (!rows.length) {
      this.empty();
      return null;
    }
    this.rows = rows;
    name ??= `map-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
    const title = `${plural(rows.length, "label")} selected`;
    const order = rows.length <= MOST_IN_BLOCKS ? "blocks" : "as_given";
    this.begin(title);
    this.tools.hidden = false;
    this.send.hidden = this.project.project_url === null;
    this.send.textContent = "Send to review";
    this.send.toggleAttribute("disabled", rows.length > MOST_SENT);
    if (rows.length > MOST_SENT && !this.send.hidden) this.said.textContent = `At most ${MOST_SENT} at once can be sent to the review project.`;
    this.link.href = `scan.html?project=${this.project.id}&rows=${name}`;
    const kept = { name, project: this.project.id, version, title: `${title} on the projector`, rows, order: /** @type {"blocks" | "as_given"} */ (order) };
    this.link.hidden = true;
    void keepSelection(kept).then(() => (this.link.hidden = false), () => undefined);
    void this.board.open(selectionSource(this.project.id, name, { rows, version }, kept.order));
    return name;
  }

  /**
   * Show one row beside what is most similar to it.
   * @param {number | null} row null where nothing is pinned @param {string} version
   * @returns {Promise<string | null>} its key
   */
  async pin(row, version) {
    const asked = ++this.asked;
    if (row === null) {
      this.empty();
      return null;
    }
    const { tiles } = await post(`projects/${this.project.id}/tiles`, { rows: [row], order: "as_given", offset: 0, limit: 1, version });
    if (!tiles.length || asked !== this.asked) return null;
    this.rows = [];
    this.begin("This label, and what is most similar to it in the full space");
    this.tools.hidden = true;
    void this.board.open(similarSource(this.project.id, tiles[0].key));
    return tiles[0].key;
  }

  /** Say what went wrong; the map stays. @param {unknown} error */
  fail(error) {
    if (error instanceof ApiError && error.status === 401) return signIn();
    this.board.clear();
    this.begin("This cannot be shown");
    this.tools.hidden = true;
    this.said.textContent = error instanceof Error ? error.message : String(error);
  }

  /** @param {string} title */
  begin(title) {
    this.side.classList.remove("is-empty");
    this.title.textContent = title;
    this.said.textContent = "";
  }

  /** Put what is selected into the review project. */
  async sendAll() {
    const { rows, project } = this;
    this.send.setAttribute("disabled", "");
    this.said.textContent = "Sending …";
    try {
      /** @type {{tiles: Tile[]}} */
      const { tiles } = await post(`projects/${project.id}/tiles`, { rows, order: "as_given", offset: 0, limit: rows.length });
      const { sent, there, review_url } = await post(`projects/${project.id}/send`, { keys: tiles.map(({ key }) => key) });
      const link = element("a", { href: review_url, target: "_blank", rel: "noopener" }, "the review project");
      this.said.replaceChildren(`${sent} put into `, link, there ? `; ${there} stood there already.` : ".");
    } catch (error) {
      this.said.textContent = error instanceof Error ? error.message : String(error);
      this.send.removeAttribute("disabled");
    }
  }
}
