// @ts-check
/** The scan board: groups at the left, tiles in the middle, detail at the right. */

import { addressBar } from "./address_bar.js";
import { mountBoard } from "./board.js";
import { thumbnail } from "./detail.js";
import { count, element, setText } from "./elements.js";
import { inWords, makeGroups } from "./groups.js";
import { followed, makeHeader, makeSwitch } from "./header.js";
import { openPage, sayWhy } from "./opening.js";
import { readSelection } from "./selections.js";
import { groupSource, selectionSource, similarSource } from "./sources.js";
import { readState, writeState } from "./state.js";

const RECOUNT_MS = 2500;

const QUEUE = "queue"; // no group: all of the control
const START = { value: null, page: 1, at: null, like: null, rows: null };
const FEW = 40; // suspects that fit into one page are shown at once

/** @type {[by: string, title: string][]} */
const WAYS = [
  ["given", "given label"],
  ["predicted", "predicted label"],
  ["cell", "given → predicted"],
  ["detector", "detector"],
  ["annotator", "annotator"],
];

/** @param {import("./opening.js").Opened} opened */
async function show({ session, project, outbox }) {
  let state = readState(location.search);
  if (!project.controls.some(({ name }) => name === state.control)) state = { ...state, control: project.controls[0]?.name ?? null };
  const bar = addressBar();
  let hasWayBack = false; // the entry of the history before this one is what similar labels were asked from
  let grouping = state.by === QUEUE ? "given" : state.by; // how the left side groups, whatever is shown
  const chosen = project.controls.find(({ name }) => name === state.control);
  if (state.value === null && !new URLSearchParams(location.search).has("by") && chosen && chosen.suspects <= FEW) state = { ...state, by: QUEUE };
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  const [title, figures, examples] = [element("h1", { dir: "auto" }), element("p", { class: "figures" }), element("div", { class: "confirmed" })];
  const heading = element("div", { class: "heading" }, examples, element("div", {}, title, figures));
  const tools = element("div", { class: "switches" });
  const way = element("select", { "aria-label": "Group by" }, ...[...WAYS, ...project.fields.map((name) => /** @type {[string, string]} */ ([`field:${name}`, name]))].map(([by, words]) => element("option", { value: by }, words)));
  const groups = makeGroups(project.id, {
    address: (value) => `scan.html${writeState({ ...state, ...START, by: grouping, value })}`,
    onGroup: (value) => go({ ...START, by: grouping, value }),
  });
  const everything = followed(element("a", { class: "everything" }), () => go({ ...START, by: QUEUE }));
  const side = element("nav", { class: "side", "aria-label": "Groups" }, everything, element("label", { class: "way" }, "by ", way), groups.element);
  document.body.prepend(makeHeader({ project, session, outbox, page: "scan", control: state.control }, tools));
  main.append(side);
  const board = mountBoard(main, { project, outbox, heading, context: state.context, onDone: " The key . opens the next group; Marked, above, shows what you decided.", onPlace, onShown: groups.showExamples, onSimilar, onCommand });

  /** Whether a group is shown, or all of the control, and no selection. */
  const isPlain = () => state.like === null && state.rows === null;

  let following = 0; // how often something else was asked for: what was asked for before must not come after it

  /** Show what the state says. @param {boolean} isNew */
  async function follow(isNew) {
    const turn = ++following;
    const { control, by, show: shows } = state;
    if (control === null) throw new Error("Nothing of this project was audited. Run: errata audit " + project.id);
    if (by !== QUEUE) grouping = by;
    way.value = grouping;
    showSwitches();
    const asked = groups.show({ control, by: grouping, show: shows }, isPlain() ? state.value : null);
    if (by !== QUEUE && state.value === null && isPlain()) {
      await asked;
      if (turn !== following) return;
      state = { ...state, value: groups.first()?.value ?? "" };
      await groups.show({ control, by, show: shows }, state.value);
    } else void asked.then(showHeading);
    const source = await sourceOf();
    if (turn !== following) return;
    showHeading();
    await board.open(source, { page: state.page, at: state.at, isNew });
  }

  async function sourceOf() {
    if (state.like !== null) return similarSource(project.id, state.like);
    if (state.rows === null) {
      const group = state.by === QUEUE ? { by: null, value: null } : { by: state.by, value: state.value };
      return groupSource(project.id, { control: state.control ?? "", show: state.show, ...group });
    }
    const selection = await readSelection(state.rows).catch(() => null);
    if (selection === null) throw new Error("This selection is not kept in this browser any more. Select again on the projector.");
    setText(title, selection.title);
    return selectionSource(project.id, selection.name, { rows: selection.rows, version: selection.version }, selection.order);
  }

  /** Show something else, and leave a way back. @param {Partial<import("./state.js").State>} change */
  function go(change) {
    bar.flush();
    state = { ...state, ...change };
    void follow(true).catch(sayWhy);
    board.grid.focus();
  }

  function showHeading() {
    const group = groups.shown();
    const isGroup = isPlain() && state.by !== QUEUE;
    if (state.like !== null) setText(title, "Most similar");
    else if (state.by === QUEUE && state.rows === null) setText(title, state.show === "suspects" ? "All suspects" : "All labels");
    else if (state.rows === null) setText(title, group?.title ?? (state.by === "cell" ? "" : state.value || "none"));
    setText(figures, isGroup ? (group ? inWords(group, state.show) : "") : state.like !== null ? "in the full space; f goes back" : state.rows !== null ? "selected" : state.show === "suspects" ? "most likely errors first, in blocks of what is alike" : "alike beside alike");
    const key = isGroup && group ? `${state.control} ${state.by} ${group.value}` : "";
    if (examples.dataset.of === key) return;
    examples.dataset.of = key;
    examples.replaceChildren(...(isGroup ? (group?.examples ?? []).map((tile) => thumbnail(project.id, tile, false)) : []));
    examples.title = "Labels of this group that nobody doubts";
  }

  function showSwitches() {
    const to = /** @param {Partial<import("./state.js").State>} change */ (change) => ({
      href: `scan.html${writeState({ ...state, ...START, value: state.value, ...change })}`,
      onChoose: () => go({ ...START, value: state.value, ...change }),
    });
    const controls = project.controls.length > 1 ? [makeSwitch("Control", project.controls.map(({ name }) => ({ title: name, isChosen: name === state.control, ...to({ control: name, value: null }) })))] : [];
    const which = makeSwitch("Labels", [
      { title: "Suspects", isChosen: state.show === "suspects", ...to({ show: "suspects" }) },
      { title: "All", isChosen: state.show === "all", ...to({ show: "all" }) },
    ]);
    tools.replaceChildren(...controls, which);
    const of = project.controls.find(({ name }) => name === state.control);
    const isAll = state.show === "all";
    everything.replaceChildren(isAll ? "All labels" : "All suspects", element("span", { class: "figures" }, count((isAll ? of?.rows : of?.suspects) ?? 0)));
    everything.href = `scan.html${writeState({ ...state, ...START, by: QUEUE })}`;
    if (isPlain() && state.by === QUEUE) everything.setAttribute("aria-current", "true");
    else everything.removeAttribute("aria-current");
  }

  /** @param {import("./board.js").Place} place @param {boolean} isNew */
  function onPlace(place, isNew) {
    state = { ...state, ...place };
    if (isNew) bar.push(writeState(state));
    else bar.at(writeState(state));
  }

  /** @param {string} key */
  function onSimilar(key) {
    if (state.like !== key) {
      go({ like: key, page: 1, at: key });
      hasWayBack = true;
    } else if (hasWayBack) history.back();
    else go({ like: null, page: 1, at: key });
  }

  /** @param {string} command */
  function onCommand(command) {
    if (command === "groups") groups.focus();
    else if (command === "show") go({ ...START, value: state.value, at: state.at, show: state.show === "all" ? "suspects" : "all" });
    else if (command === "nextGroup" || command === "previousGroup") {
      const group = groups.beside(command === "nextGroup" ? 1 : -1);
      if (group) go({ ...START, by: grouping, value: group.value });
      else board.say("There is no further group.");
    } else return false;
  }

  way.addEventListener("change", () => go({ ...START, by: way.value }));
  addEventListener("popstate", () => {
    hasWayBack = false;
    bar.drop();
    state = { ...readState(location.search), control: readState(location.search).control ?? state.control };
    void follow(false).catch(sayWhy);
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let counting;
  outbox.listen({
    onSaved() {
      clearTimeout(counting);
      counting = setTimeout(() => void groups.recount().then(showHeading), RECOUNT_MS);
    },
  });
  await follow(false);
}

await openPage(readState(location.search).project, show);
