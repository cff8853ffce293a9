// @ts-check
/** What is known of the label under the cursor. */

import { get, isAborted } from "./api.js";
import { makeContent, pictureAddress } from "./content.js";
import { inWords, likeliest } from "./decisions.js";
import { element, percent, setText } from "./elements.js";
import { makePlayer } from "./player.js";
import { makeScene } from "./scene.js";
import { proposal } from "./tile.js";

/**
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./types.js").Detail} Detail
 * @typedef {import("./types.js").Standing} Standing
 * @typedef {import("./types.js").Project} Project
 */

const PAUSE_MS = 150; // moving on by held arrows, or deciding quickly, asks for nothing
const N_KEPT = 12;

/**
 * @param {Project} project
 * @param {{onLabel: (label: string) => void, onSimilar: () => void, ready: () => Promise<void>}} does ready: there is time for more than tiles
 */
export function makeDetail(project, { onLabel, onSimilar, ready }) {
  const scene = makeScene();
  const player = makePlayer();
  const text = element("p", { class: "passage", dir: "auto" });
  const heading = element("h2", { class: "detail-title", dir: "auto" });
  const standing = element("p", { class: "standings" });
  const reason = element("p", { class: "reason" });
  const labels = element("ol", { class: "likely" });
  const facts = element("dl", { class: "facts" });
  const neighbours = element("div", { class: "strip" });
  const others = element("div", { class: "strip" });
  const more = element("div", { class: "more" });
  const link = element("a", { class: "task-link", target: "_blank", rel: "noopener" });
  const similar = element("button", { type: "button", class: "quiet" }, "Similar to this ", element("kbd", {}, "f"));
  similar.addEventListener("click", onSimilar);
  const shown = element("aside", { class: "detail", "aria-label": "Detail" }, scene.element, player.element, text, heading, standing, reason, labels, more);
  /** @type {Map<string, Detail>} */
  const known = new Map();
  /** @type {AbortController} */
  let asking = new AbortController();
  /** @type {Tile | null} */
  let tile = null;

  /** @param {Tile} next @param {Standing} stands */
  function show(next, stands) {
    if (tile?.key === next.key) return stand(stands);
    asking.abort();
    tile = next;
    const detail = known.get(next.key);
    showTile(next, stands);
    if (detail) return showDetail(detail);
    shown.classList.add("is-loading");
    asking = new AbortController();
    setTimeout(fetchDetail, PAUSE_MS, next.key, asking.signal);
  }

  /** @param {string} key @param {AbortSignal} signal */
  async function fetchDetail(key, signal) {
    if (!signal.aborted) await ready();
    if (signal.aborted) return;
    try {
      const detail = await get(`projects/${project.id}/rows/${encodeURIComponent(key)}`, {}, signal);
      known.set(key, detail);
      for (const old of [...known.keys()].slice(0, -N_KEPT)) known.delete(old);
      if (tile?.key === key) showDetail(detail);
    } catch (error) {
      if (!isAborted(error)) setText(reason, error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {Tile} next @param {Standing} stands */
  function showTile(next, stands) {
    heading.replaceChildren(element("span", { class: "given" }, next.given ?? next.content.answer ?? "no label"), " ", element("span", { class: "proposed" }, proposal(next)));
    stand(stands);
    showLabels(next);
  }

  /** @param {Standing} stands */
  function stand({ mine, others: theirs, is_contradictory }) {
    const words = [...(mine ? [`You: ${inWords(mine)}`] : []), ...theirs.map((each) => `${each.reviewer}: ${inWords(each)}`)];
    setText(standing, words.join(" · ") + (is_contradictory ? " — you differ, so nothing is changed until you agree" : ""));
    standing.classList.toggle("is-contradictory", is_contradictory);
  }

  /** @param {Tile} of */
  function showLabels(of) {
    const all = project.controls.find(({ name }) => name === of.control)?.labels ?? [];
    const probabilities = new Map(of.top);
    labels.replaceChildren(
      ...likeliest(of, all).map((label, i) => {
        const share = probabilities.get(label);
        const bar = element("span", { class: "bar", "aria-hidden": "true" });
        bar.style.setProperty("--share", String(share ?? 0));
        const name = element("span", { class: "name", dir: "auto" }, label);
        const chosen = element("button", { type: "button" }, element("kbd", {}, String(i + 1)), name, element("span", { class: "share" }, share === undefined ? "" : percent(share)), bar);
        chosen.addEventListener("mousedown", (event) => event.preventDefault());
        chosen.addEventListener("click", () => onLabel(label));
        return element("li", {}, chosen);
      }),
    );
  }

  /** @param {Detail} detail */
  function showDetail(detail) {
    shown.classList.remove("is-loading");
    scene.show(project.id, detail);
    player.show(project.id, detail.content);
    showText(detail);
    setText(reason, detail.reason);
    link.hidden = detail.task_url === null;
    link.href = detail.task_url ?? "";
    setText(link, `Task ${detail.task} in Label Studio ↗`);
    facts.replaceChildren(...factsOf(detail).flatMap(([name, value]) => [element("dt", {}, name), element("dd", { dir: "auto" }, value)]));
    neighbours.replaceChildren(...detail.neighbours.map((each) => thumbnail(project.id, each, each.given !== detail.given)));
    others.replaceChildren(...detail.others.map((each) => thumbnail(project.id, each, false)));
    more.replaceChildren(
      ...section("Most alike", neighbours, detail.neighbours.length, similar),
      ...section("Other labels on this task", others, detail.others.length),
      ...section("Data", facts, 1),
      link,
    );
  }

  /** @param {Detail} detail */
  function showText({ text: passage }) {
    text.hidden = passage === null;
    if (passage === null) return;
    const whole = [...(passage.before + passage.span + passage.after)]; // code points, as the server counts
    const given = /** @type {[number, number]} */ ([[...passage.before].length, [...(passage.before + passage.span)].length]);
    const cuts = [...new Set([0, ...given, ...(passage.proposed ?? []), whole.length])].sort((one, other) => one - other);
    text.replaceChildren(
      ...cuts.slice(0, -1).map((from, i) => {
        const looks = [isWithin(from, given) ? "given" : "", passage.proposed && isWithin(from, passage.proposed) ? "proposed" : ""].filter(Boolean);
        const part = whole.slice(from, cuts[i + 1]).join("");
        return looks.length ? element("mark", { class: looks.join(" ") }, part) : part;
      }),
    );
  }

  return {
    element: shown,
    scene,
    player,
    show,
    stand,
    /** @returns {string | undefined} the key of what is shown */
    shows: () => tile?.key,
    /** Show nothing. */
    clear() {
      asking.abort();
      tile = null;
    },
  };
}

/** @param {number} at @param {[number, number]} part */
function isWithin(at, [from, to]) {
  return at >= from && at < to;
}

/** @param {string} title @param {HTMLElement} content @param {number} n @param {HTMLElement} [action] */
function section(title, content, n, action) {
  return n ? [element("div", { class: "section-head" }, element("h3", {}, title), action ?? null), content] : [];
}

/** @param {Detail} detail @returns {[string, string][]} */
function factsOf(detail) {
  /** @type {[string, string][]} */
  const own = [
    ["annotator", detail.annotator],
    ["disagreement", detail.disagreement.toFixed(3)],
    ["detectors", detail.detectors.map((name) => name.replaceAll("_", " ")).join(", ") || "none"],
  ];
  return [...own.filter(([, value]) => value), ...Object.entries(detail.data)];
}

/** @param {number} project @param {Tile} tile @param {boolean} isOther */
export function thumbnail(project, tile, isOther) {
  const content = makeContent(true);
  content.show(tile.content, pictureAddress(project, tile.content, "25", 160));
  const caption = element("figcaption", { dir: "auto" }, tile.given ?? tile.content.answer ?? "none");
  return element("figure", { class: isOther ? "thumbnail is-other" : "thumbnail", title: `${tile.given ?? "no label"}${tile.annotator ? `, by ${tile.annotator}` : ""}` }, content.element, caption);
}
