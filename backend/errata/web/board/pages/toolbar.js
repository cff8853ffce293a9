// @ts-check
/** The decisions and the undo as buttons, each with its key. */

import { button, element } from "./elements.js";

/** @type {[command: string, key: string, text: string][]} */
const DECISIONS = [
  ["wrong", "x", "Wrong"],
  ["keep", "q", "Keep"],
  ["take", "w", "Take proposal"],
  ["fix", "r", "Fix …"],
  ["unusable", "e", "Unusable"],
  ["unclear", "n", "Unclear"],
  ["missing", "m", "Missing"],
  ["boundary", "b", "Boundary"],
];

/** Which kinds of labels have a button for it; its key works on all. @type {Record<string, string[]>} */
const KINDS = { missing: ["tags", "boxes", "masks", "spans"], boundary: ["boxes", "masks", "spans"] };

/** @param {string[]} kinds of the project's labels @param {(command: string) => void} run */
export function makeToolbar(kinds, run) {
  const one = /** @param {string} command @param {string} key @param {string} text */ (command, key, text) => {
    const made = button("", () => run(command), { class: `tool tool-${command}` });
    made.append(element("kbd", {}, key), ` ${text}`);
    return made;
  };
  const said = element("span", { class: "said", role: "status", "aria-live": "polite" });
  const decisions = element("div", { class: "tools", role: "group", "aria-label": "Decide" }, ...DECISIONS.filter(([command]) => kinds.some((kind) => KINDS[command]?.includes(kind) ?? true)).map(([command, key, text]) => one(command, key, text)));
  const turns = element("div", { class: "tools", role: "group", "aria-label": "Undo" }, one("undo", "z", "Undo"), one("redo", "⇧z", "Redo"));
  const commit = one("commit", "⇧↵", "Rest looks right");
  commit.classList.add("primary");
  return {
    element: element("div", { class: "toolbar" }, decisions, turns, commit),
    said,
    /** @param {string} text @param {boolean} [isError] */
    say(text, isError = false) {
      said.textContent = text;
      said.title = text;
      said.classList.toggle("is-error", isError);
    },
  };
}
