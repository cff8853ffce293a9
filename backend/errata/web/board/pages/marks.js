// @ts-check
/** The second look: what was marked, grouped by change, before it becomes a plan. */

import { addressBar } from "./address_bar.js";
import { get } from "./api.js";
import { mountBoard } from "./board.js";
import { button, element, plural, setText } from "./elements.js";
import { followed, makeHeader } from "./header.js";
import { openPage } from "./opening.js";
import { selectionSource } from "./sources.js";

/**
 * @typedef {object} Change
 * @property {string} control
 * @property {string | null} given
 * @property {string | null} to
 * @property {string} decision
 * @property {string | null} reason
 * @property {number} n
 * @property {string[]} keys
 */

const RECOUNT_MS = 1500;
const WRITTEN = ["take_proposal", "fix"]; // what a plan changes; the others are for people to see

/** @param {import("./opening.js").Opened} opened */
async function show({ session, project, outbox }) {
  const query = new URLSearchParams(location.search);
  const bar = addressBar();
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  const list = element("ul", { class: "group-list change-list", "aria-label": "Changes" });
  const next = element("div", { class: "next-step" });
  const side = element("nav", { class: "side", "aria-label": "What was marked" }, element("h2", { class: "side-title" }, "Marked by me"), list, next);
  const title = element("h1", { dir: "auto" });
  const figures = element("p", { class: "figures" });
  /** @type {Change[]} */
  let changes = [];
  let at = 0;
  document.body.prepend(makeHeader({ project, session, outbox, page: "marks", control: query.get("control") }));
  main.append(side);
  const board = mountBoard(main, { project, outbox, heading: element("div", { class: "heading" }, element("div", {}, title, figures)), onPlace, onCommand });

  async function fetchChanges() {
    /** @type {{changes: Change[]}} */
    const answer = await get(`projects/${project.id}/marks`);
    const fresh = new Map(answer.changes.map((change) => [nameOf(change), change]));
    // Those in sight stay where they are; one that nothing is left of says so.
    const kept = changes.map((change) => ({ ...change, n: fresh.get(nameOf(change))?.n ?? 0 }));
    const known = new Set(changes.map(nameOf));
    changes = [...kept, ...answer.changes.filter((change) => !known.has(nameOf(change)))];
    list.replaceChildren(...changes.map(rowOf));
    showNext();
  }

  /** @param {Change} change @param {number} index */
  function rowOf(change, index) {
    const words = element("span", { class: "group-title", dir: "auto" }, inWords(change));
    const link = followed(element("a", { href: addressOf(change), title: inWords(change), "aria-current": index === at && "true" }, words, element("span", { class: "figures" }, plural(change.n, "label"))), () => void open(index, { isNew: true }));
    return element("li", {}, link);
  }

  /** @param {Change} change @param {import("./board.js").Place} [place] */
  function addressOf(change, place) {
    const address = new URLSearchParams({ project: String(project.id), change: nameOf(change) });
    if (query.get("control")) address.set("control", /** @type {string} */ (query.get("control")));
    if (place && place.page > 1) address.set("page", String(place.page));
    if (place?.at) address.set("at", place.at);
    return `marks.html?${address}`;
  }

  /** @param {number} index @param {{page?: number, at?: string | null, isNew?: boolean}} [where] */
  async function open(index, where = {}) {
    at = index;
    const change = changes[at];
    [...list.querySelectorAll("a")].forEach((link, i) => (i === at ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
    if (change === undefined) return showNothing();
    setText(title, inWords(change));
    setText(figures, `${plural(change.keys.length, "label")}${WRITTEN.includes(change.decision) ? "" : ": nothing is written, they stand in the export"}`);
    await board.open(selectionSource(project.id, `${nameOf(change)} ${change.keys.length}`, { keys: change.keys }), where);
    board.grid.focus();
  }

  function showNothing() {
    setText(title, "Nothing is marked yet");
    setText(figures, "Mark labels on the board; they are gathered here.");
    board.clear();
  }

  function showNext() {
    const n = changes.filter(({ decision }) => WRITTEN.includes(decision)).reduce((sum, change) => sum + change.n, 0);
    const command = `errata plan ${project.id}`;
    const copy = button("Copy", () => void navigator.clipboard?.writeText(command).then(() => board.say("Copied.")), { class: "quiet" });
    copy.hidden = navigator.clipboard === undefined; // http without localhost has none
    next.replaceChildren(
      element("h2", { class: "side-title" }, "Then"),
      element("p", {}, `${plural(n, "label")} would change. Nothing is written before `, element("code", {}, `errata apply ${project.id}`), "; this shows what it would write, with the others' decisions:"),
      element("div", { class: "command" }, element("code", {}, command), copy),
    );
  }

  /** @param {import("./board.js").Place} place @param {boolean} isNew */
  function onPlace(place, isNew) {
    const change = changes[at];
    if (change && isNew) bar.push(addressOf(change, place));
    else if (change) bar.at(addressOf(change, place));
  }

  /** @param {string} command */
  function onCommand(command) {
    if (command === "groups") list.querySelectorAll("a")[at]?.focus();
    else if (command === "nextGroup" || command === "previousGroup") {
      const to = at + (command === "nextGroup" ? 1 : -1);
      if (changes[to]) void open(to, { isNew: true });
    } else return false;
  }

  /** @param {URLSearchParams} from */
  function openFrom(from) {
    const index = changes.findIndex((change) => nameOf(change) === from.get("change"));
    return open(Math.max(0, index), { page: Number(from.get("page")) || 1, at: from.get("at") });
  }

  addEventListener("popstate", () => {
    bar.drop();
    void openFrom(new URLSearchParams(location.search));
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let counting;
  outbox.listen({
    onSaved() {
      clearTimeout(counting);
      counting = setTimeout(() => void fetchChanges().catch(() => undefined), RECOUNT_MS); // counted again after the next one
    },
  });
  await fetchChanges();
  await openFrom(query);
}

/** @param {Change} change */
function nameOf({ control, given, to, decision, reason }) {
  return JSON.stringify([control, given, to, decision, reason]);
}

/** @type {Record<string, string>} */
const SPOKEN = { wrong: "wrong", unusable: "unusable", unclear: "unclear", keep: "keep" };

/** @param {Change} change */
function inWords({ given, to, decision, reason }) {
  const from = given ?? "nothing";
  if (WRITTEN.includes(decision)) return `${from} → ${to ?? "take it away"}`;
  const why = reason === "missing" ? "something is missing" : reason === "boundary" ? "boundary is bad" : SPOKEN[decision] ?? decision;
  return `${from}: ${why}`;
}

await openPage(Number(new URLSearchParams(location.search).get("project")) || null, show);
