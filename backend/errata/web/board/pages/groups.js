// @ts-check
/** The left side: groups of labels, each with a few confirmed examples and how far it is reviewed. */

import { get, isAborted } from "./api.js";
import { count, element, percent, plural, setText } from "./elements.js";
import { thumbnail } from "./detail.js";
import { followed } from "./header.js";

/** @typedef {import("./types.js").Group} Group */

const PART = 24; // groups that are asked for at once: more than are in sight
const MOST_RECOUNTED = 180;
const SEARCH_FROM = 9;
const PAUSE_MS = 150;

/**
 * @param {number} project
 * @param {object} does
 * @param {(value: string) => string} does.address of a group
 * @param {(value: string) => void} does.onGroup
 */
export function makeGroups(project, { address, onGroup }) {
  const input = element("input", { type: "search", placeholder: "Search groups", "aria-label": "Search groups", autocomplete: "off", spellcheck: "false" });
  const found = element("p", { class: "found", role: "status" });
  const list = element("ul", { class: "group-list", "aria-label": "Groups" });
  const end = element("li", { class: "end", "aria-hidden": "true" });
  const shown = element("div", { class: "groups" }, element("div", { class: "group-search" }, input, found), list);
  /** @type {{control: string, by: string, show: string}} */
  let query = { control: "", by: "given", show: "suspects" };
  /** @type {Group[]} */
  let groups = [];
  /** @type {ReturnType<typeof makeRow>[]} */
  let rows = [];
  let total = 0;
  let isMore = false; // is being asked for
  let showsExamples = false; // the pictures of the tiles come first
  /** @type {string | null} */
  let chosen = null;
  /** @type {Group | undefined} the chosen one where it is not in the list yet */
  let apart;
  let asking = new AbortController();

  /** @param {number} offset @param {number} limit @param {AbortSignal} [signal] @returns {Promise<{groups: Group[], total: number}>} */
  const ask = (offset, limit, signal) => get(`projects/${project}/groups`, { ...query, search: input.value.trim(), offset, limit }, signal);

  /** @param {boolean} isFresh */
  async function fill(isFresh) {
    if (isFresh) {
      asking.abort();
      asking = new AbortController();
    } else if (isMore || groups.length >= total) return;
    const { signal } = asking;
    isMore = true;
    try {
      const answer = await ask(isFresh ? 0 : groups.length, PART, signal);
      if (isFresh) {
        [groups, rows] = [[], []];
        list.replaceChildren(end);
        list.scrollTop = 0;
      }
      total = answer.total;
      const added = answer.groups.map((group) => makeRow(project, group, query.show, address(group.value), () => onGroup(group.value)));
      if (showsExamples) added.forEach((row) => row.showExamples());
      groups.push(...answer.groups);
      rows.push(...added);
      end.before(...added.map((row) => row.element));
      mark();
      setText(found, input.value ? plural(total, "group") : "");
      input.hidden = total < SEARCH_FROM && !input.value;
    } catch (error) {
      if (!isAborted(error)) setText(found, error instanceof Error ? error.message : String(error));
    } finally {
      if (!signal.aborted) isMore = false;
    }
  }

  /** @param {string} value */
  async function lookFor(value) {
    const search = value.startsWith("[") ? undefined : value; // a cell's value is not its title
    const answer = await get(`projects/${project}/groups`, { ...query, search, offset: 0, limit: 500 }).catch(() => null);
    return answer?.groups.find((/** @type {Group} */ group) => group.value === value);
  }

  function mark() {
    rows.forEach((row, i) => row.choose(groups[i].value === chosen));
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(fill, PAUSE_MS, true);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && groups.length) onGroup(groups[0].value);
    if (event.key === "ArrowDown") rows[0]?.focus();
    if (event.key === "Escape" && input.value) {
      input.value = "";
      void fill(true);
    } else if (event.key !== "Escape" && event.key !== "Enter" && event.key !== "ArrowDown") return;
    else if (event.key !== "ArrowDown") input.blur();
    event.preventDefault();
  });
  list.addEventListener("keydown", (event) => {
    const at = rows.findIndex((row) => row.element.contains(document.activeElement));
    const to = event.key === "ArrowDown" ? at + 1 : event.key === "ArrowUp" ? at - 1 : null;
    if (to === null) return;
    event.preventDefault();
    if (to < 0) input.focus();
    else rows[to]?.focus();
  });
  new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && void fill(false), { root: list, rootMargin: "200px" }).observe(end);

  return {
    element: shown,

    /** @param {{control: string, by: string, show: string}} next @param {string | null} value */
    async show(next, value) {
      const isOther = JSON.stringify(next) !== JSON.stringify(query);
      query = next;
      chosen = value;
      if (isOther) {
        input.value = "";
        await fill(true);
      }
      mark();
      if (chosen !== null && !groups.some((group) => group.value === chosen)) apart = await lookFor(chosen);
      rows.find((_, i) => groups[i].value === chosen)?.element.scrollIntoView({ block: "nearest" });
    },

    /** Head each group by its examples, now that there is time for their pictures. */
    showExamples() {
      if (!showsExamples) rows.forEach((row) => row.showExamples());
      showsExamples = true;
    },

    /** Return a group beside the one that is shown. @param {number} by @returns {Group | undefined} */
    beside(by) {
      const at = groups.findIndex(({ value }) => value === chosen);
      return groups[at < 0 ? 0 : at + by];
    },

    /** @returns {Group | undefined} */
    shown: () => groups.find(({ value }) => value === chosen) ?? (apart?.value === chosen ? apart : undefined),

    first: () => groups[0],

    /** Count again; no group moves. */
    async recount() {
      if (!groups.length) return;
      const answer = await ask(0, Math.min(groups.length, MOST_RECOUNTED)).catch(() => null); // the outbox says when errata is away
      /** @type {Map<string, Group>} */
      const fresh = new Map(answer?.groups.map((group) => [group.value, group]));
      groups = groups.map((group, i) => {
        const counted = fresh.get(group.value);
        if (counted) rows[i].count(counted);
        return counted ? { ...counted, examples: group.examples } : group;
      });
    },

    focus() {
      if (input.hidden) rows[0]?.focus();
      else {
        input.focus();
        input.select();
      }
    },
  };
}

/** @param {number} project @param {Group} group @param {string} show @param {string} href @param {() => void} onChoose */
function makeRow(project, group, show, href, onChoose) {
  const [figures, looked] = [element("span", { class: "figures" }), element("span", { class: "looked" })];
  const bar = element("span", { class: "progress", "aria-hidden": "true" });
  const examples = element("span", { class: "examples", "aria-hidden": "true" });
  const link = followed(element("a", { href, title: group.title }, element("span", { class: "group-title", dir: "auto" }, group.title || "none"), figures, looked, bar, examples), onChoose);
  const row = element("li", {}, link);

  /** @param {Group} counted */
  function countAgain(counted) {
    setText(figures, `${count(counted.suspects)} of ${count(counted.rows)}`);
    setText(looked, counted.decided + counted.scanned ? lookedInWords(counted, show) : "");
    bar.style.setProperty("--share", String(reviewedShare(counted, show)));
  }
  countAgain(group);
  return {
    element: row,
    count: countAgain,
    showExamples: () => examples.replaceChildren(...group.examples.slice(0, 3).map((tile) => thumbnail(project, tile, false))),
    focus: () => link.focus(),
    /** @param {boolean} is */
    choose(is) {
      if (is) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    },
  };
}

/** Return the share of what is shown that somebody looked at. @param {Group} group @param {string} show */
function reviewedShare({ rows, suspects, decided, scanned }, show) {
  const shown = show === "suspects" ? suspects : rows;
  return shown ? Math.min(1, (decided + scanned) / shown) : 0;
}

/** @param {Group} group @param {string} show */
function lookedInWords(group, show) {
  const looked = group.decided + group.scanned;
  return `${percent(reviewedShare(group, show))} reviewed · yield ${looked ? percent(group.wrong / looked) : "–"}`;
}

/** Return a group's figures in words. @param {Group} group @param {string} show */
export function inWords(group, show) {
  return `${plural(group.rows, "label")} · ${plural(group.suspects, "suspect")} · ${lookedInWords(group, show)}`;
}
