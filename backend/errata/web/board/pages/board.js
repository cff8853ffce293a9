// @ts-check
/**
 * The board: a grid of tiles with its keys, decisions and detail. It can be mounted beside anything that chooses labels:
 *
 *     const board = mountBoard(element, { project, outbox });
 *     await board.open(selectionSource(project.id, "lasso 3", { rows }));
 */

import { ApiError, isAborted, signIn } from "./api.js";
import { pictureSize } from "./content.js";
import { WANTED, likeliest } from "./decisions.js";
import { makeDeciding } from "./deciding.js";
import { makeDetail } from "./detail.js";
import { makeHelp, makeInstructions } from "./dialogs.js";
import { element, plural } from "./elements.js";
import { makeGrid } from "./grid.js";
import { bindKeys } from "./keys.js";
import { makeLabelPicker } from "./label_picker.js";
import { pageCache } from "./page_cache.js";
import { makePager } from "./pager.js";
import { similarSource } from "./sources.js";
import { CONTEXTS } from "./state.js";
import { tilePictures } from "./tile_pictures.js";
import { makeToolbar } from "./toolbar.js";

/**
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./types.js").Source} Source
 * @typedef {{page: number, at: string | null, context: string}} Place
 * @typedef {object} BoardOptions
 * @property {import("./types.js").Project} project
 * @property {import("./outbox.js").Outbox} outbox
 * @property {HTMLElement} [heading] stands above the tiles
 * @property {string} [context] of the crops
 * @property {string} [onDone] says where to go on once the last page is committed
 * @property {import("./keys.js").Key[]} [moreKeys] of what stands beside the board, for the help
 * @property {(place: Place, isNewPage: boolean) => void} [onPlace] the cursor or the page is another
 * @property {() => void} [onShown] a page's pictures are there
 * @property {(key: string) => void} [onSimilar] shows what is similar; without it the board does
 * @property {(command: string) => boolean | void} [onCommand] takes the commands that the board does not know; false leaves the key alone
 *
 * @typedef {ReturnType<typeof mountBoard>} Board
 */

const PAGE = 40;
const POLL_MS = 4000;

/** @param {HTMLElement} host @param {BoardOptions} options */
export function mountBoard(host, { project, outbox, heading, context = "25", onDone = "", moreKeys = [], onPlace, onShown, onSimilar, onCommand }) {
  const grid = makeGrid(PAGE, { onCursor, onPaint: (indices) => decideOn(indices, deciding.last(), false) });
  const toolbar = makeToolbar(project.controls.map(({ kind }) => kind), run);
  const pager = makePager(run);
  const detail = makeDetail(project, { onLabel: (label) => decideHere({ decision: "fix", label }), onSimilar: () => run("similar"), ready: grid.settled });
  const deciding = makeDeciding(project.id, outbox, { onChange: refresh, onUndone, say: toolbar.say });
  const picker = makeLabelPicker();
  const [help, instructions] = [makeHelp(moreKeys), makeInstructions(project)];
  const notice = element("div", { class: "notice", role: "alert", hidden: true });
  const bar = element("div", { class: "board-bar" }, heading ?? null, toolbar.said, pager.element);
  const centre = element("section", { class: "centre", "aria-label": "Tiles" }, bar, notice, grid.element);
  const parts = element("div", { class: "board-parts" }, centre, detail.element);
  const shown = element("div", { class: "board" }, parts, toolbar.element, picker.element, help, instructions.element);
  host.append(shown);

  const pictures = tilePictures(project.id);
  /** @type {ReturnType<typeof pageCache> | null} */
  let pages = null;
  /** @type {{source: Source, place: Place} | null} what was shown before the similar ones */
  let behind = null;
  /** @type {Tile[]} */
  let tiles = [];
  let [offset, total, version] = [0, 0, project.version];
  let [turning, fetching] = [new AbortController(), new AbortController()];
  let isQuiet = false; // the cursor moves with its page
  let frame = 0;

  const picture = /** @param {Tile} tile */ (tile) => pictures.of(tile, context, pictureSize(grid.side()));
  const place = () => ({ page: Math.floor(offset / PAGE) + 1, at: tiles[grid.cursor()]?.key ?? null, context });
  const nPages = () => Math.max(1, Math.ceil(total / PAGE));

  /**
   * Show a source, at a page or at a key.
   * @param {Source} source @param {{page?: number, at?: string | null, isNew?: boolean}} [where] isNew: it is a place to come back to
   */
  async function open(source, { page = 1, at = null, isNew = false } = {}) {
    if (pages?.source.id !== source.id) pages = pageCache(source, PAGE);
    await turnTo((page - 1) * PAGE, at, isNew);
  }

  /** @param {number} to @param {string | null} at @param {boolean} isNew */
  async function turnTo(to, at, isNew) {
    if (pages === null) return;
    turning.abort();
    const { signal } = (turning = new AbortController());
    const cache = pages;
    shown.classList.add("is-turning");
    try {
      let page = await cache.at(to, signal);
      const isElsewhere = at !== null && !page.tiles.some(({ key }) => key === at);
      if (isElsewhere) page = (await cache.locate(/** @type {string} */ (at), signal)) ?? page;
      if (!page.tiles.length && page.total > 0) page = await cache.at((Math.ceil(page.total / PAGE) - 1) * PAGE, signal);
      if (!signal.aborted) showPage(page, at, isNew);
      await grid.settled();
      if (signal.aborted) return;
      onShown?.();
      void poll();
      if (offset + PAGE >= total) return;
      const next = await cache.at(offset + PAGE, signal); // before somebody wants it
      await pictures.load(next.tiles, context, pictureSize(grid.side()), signal);
    } catch (error) {
      if (!isAborted(error)) fail(error);
    } finally {
      if (!signal.aborted) shown.classList.remove("is-turning");
    }
  }

  /** @param {import("./types.js").TilePage} page @param {string | null} at @param {boolean} isNew */
  function showPage(page, at, isNew) {
    shown.classList.remove("is-turning");
    ({ tiles, offset, total } = page);
    notice.hidden = true;
    if (page.version !== version) warn("A new audit has finished: its order is shown from here on.");
    version = page.version;
    deciding.keepOnly(new Set([...tiles, ...(pages?.tiles() ?? [])].map(({ key }) => key)));
    deciding.meet(tiles);
    grid.prepare(total, tiles.length > 0 && tiles[0].content.type !== "image");
    grid.fill(tiles, ({ key }) => deciding.standing(key), picture);
    pager.show(Math.floor(offset / PAGE) + 1, nPages(), total);
    if (!tiles.length) {
      detail.clear();
      warn("There is nothing here.");
    }
    fetchPictures();
    isQuiet = true;
    grid.moveTo(Math.max(0, tiles.findIndex(({ key }) => key === at)));
    isQuiet = false;
    onPlace?.(place(), isNew);
  }

  function fetchPictures() {
    fetching.abort();
    fetching = new AbortController();
    const place = new Map(tiles.map(({ row }, index) => [row, index]));
    void pictures.load(tiles, context, pictureSize(grid.side()), fetching.signal, ({ row }, src) => grid.showPicture(place.get(row) ?? 0, src));
  }

  function onCursor() {
    if (!tiles.length) return;
    if (!isQuiet) onPlace?.(place(), false);
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => setTimeout(showDetail)); // the grid is painted first
  }

  function showDetail() {
    const tile = tiles[grid.cursor()];
    if (tile !== undefined) detail.show(tile, deciding.standing(tile.key));
  }

  /** Show how tiles stand now; nothing moves. @param {string[]} keys */
  function refresh(keys) {
    const wanted = new Set(keys);
    tiles.forEach((tile, index) => wanted.has(tile.key) && grid.stand(index, deciding.standing(tile.key)));
    const key = detail.shows();
    if (key !== undefined && wanted.has(key)) detail.stand(deciding.standing(key));
  }

  /** Go to what was undone, where it is in sight. @param {string[]} keys */
  function onUndone(keys) {
    const at = tiles.findIndex(({ key }) => keys.includes(key));
    if (at >= 0) grid.moveTo(at);
    else if (keys.length) toolbar.say("That was on another page.");
  }

  /** @param {number[]} indices @param {import("./decisions.js").Wanted} wanted @param {boolean} movesOn */
  function decideOn(indices, wanted, movesOn) {
    const isDone = deciding.decide(indices.map((index) => tiles[index]), wanted);
    if (isDone && movesOn) grid.moveTo(Math.max(...indices) + 1);
  }

  /** @param {import("./decisions.js").Wanted} wanted */
  function decideHere(wanted) {
    if (tiles.length) decideOn(grid.chosen(), wanted, wanted.decision !== null);
  }

  function fix() {
    const tile = tiles[grid.cursor()];
    const labels = project.controls.find(({ name }) => name === tile?.control)?.labels ?? [];
    if (!labels.length) return toolbar.say("There are no labels to choose from here: mark it wrong, and answer it in Label Studio.", true);
    const first = likeliest(tile, labels);
    picker.open([...first, ...labels.filter((label) => !first.includes(label))], (label) => decideHere({ decision: "fix", label }));
  }

  function commit() {
    const seen = tiles.filter((_, index) => grid.isSeen(index));
    deciding.commit(seen, tiles.length - seen.length);
    if (offset + PAGE < total) turn(1);
    else warn(`That was the last page of ${plural(total, "label")}.${onDone}`);
  }

  /** @param {number} by pages */
  function turn(by) {
    const to = offset + by * PAGE;
    if (to >= 0 && to < total) void turnTo(to, null, true);
    else toolbar.say(by > 0 ? "That was the last page." : "This is the first page.");
  }

  function similar() {
    const { at } = place();
    if (at === null) return;
    if (onSimilar) return onSimilar(at);
    if (behind) {
      const { source, place: before } = behind;
      behind = null;
      return void open(source, before);
    }
    if (pages) behind = { source: pages.source, place: place() };
    void open(similarSource(project.id, at));
  }

  function widen() {
    context = CONTEXTS[(CONTEXTS.indexOf(context) + 1) % CONTEXTS.length];
    tiles.forEach((tile, index) => grid.showPicture(index, picture(tile)));
    fetchPictures();
    toolbar.say(context === "scene" ? "The whole scene." : `${context} % around the crops.`);
    onPlace?.(place(), false);
  }

  function close() {
    if (shown.classList.contains("is-peeking")) shown.classList.remove("is-peeking");
    else grid.moveTo(grid.cursor());
  }

  /** @type {Record<string, () => void>} */
  const does = {
    fix,
    commit,
    similar,
    close,
    undo: deciding.undo,
    redo: deciding.redo,
    next: () => turn(1),
    previous: () => turn(-1),
    context: widen,
    peek: () => (detail.player.element.hidden ? shown.classList.toggle("is-peeking") : detail.player.toggle()),
    outlines: () => shown.classList.toggle("is-bare"),
    play: () => detail.player.toggle(),
    instructions: () => instructions.open(),
    help: () => help.showModal(),
  };

  /** @param {string} command @param {string} [name] of the key */
  function run(command, name = "") {
    if (command in WANTED) return decideHere(WANTED[command]);
    if (command in does) return does[command]();
    if (command === "likely") {
      const tile = tiles[grid.cursor()];
      const label = tile && likeliest(tile, project.controls.find((each) => each.name === tile.control)?.labels ?? [])[Number(name) - 1];
      return label === undefined ? toolbar.say("No label has this number.", true) : decideHere({ decision: "fix", label });
    }
    if (command === "move" || command === "extend") return grid.move(name.replace(/^(Shift\+)?Arrow/, "").toLowerCase(), command === "extend");
    if (command === "first" || command === "last") return grid.move(command, false);
    return onCommand ? onCommand(command) : false;
  }

  /** @param {string} text */
  function warn(text) {
    notice.textContent = text;
    notice.hidden = false;
  }

  /** @param {unknown} error */
  function fail(error) {
    if (error instanceof ApiError && error.status === 401) return signIn();
    warn(error instanceof Error ? error.message : String(error));
  }

  async function poll() {
    const keys = tiles.map(({ key }) => key);
    if (document.visibilityState !== "visible" || !keys.length) return;
    await deciding.poll(keys).catch(() => undefined); // the outbox says when errata is away
  }

  const timer = setInterval(poll, POLL_MS);
  addEventListener("focus", poll);
  const unbind = bindKeys(document, run);
  grid.element.focus();

  return {
    element: shown,
    grid: grid.element,
    open,
    run,
    place,
    say: toolbar.say,

    /** Show nothing: no key decides anything. */
    clear() {
      turning.abort();
      fetching.abort();
      shown.classList.remove("is-turning");
      pages = behind = null;
      [tiles, offset, total] = [[], 0, 0];
      grid.fill([], ({ key }) => deciding.standing(key), picture);
      detail.clear();
    },

    /** Take the board away, and its keys. */
    destroy() {
      turning.abort();
      fetching.abort();
      clearInterval(timer);
      removeEventListener("focus", poll);
      unbind();
      deciding.stop();
      shown.remove();
    },
  };
}
