// @ts-check
/** What one key shows above the page: the keys, and the project's instructions. */

import { get } from "./api.js";
import { element } from "./elements.js";
import { KEYS, shownKeys } from "./keys.js";

/** @param {string} title @param {...Node} content */
function makeDialog(title, ...content) {
  const close = element("button", { type: "button", class: "quiet", "aria-label": "Close" }, "✕");
  const dialog = element("dialog", { class: "sheet", "aria-label": title }, element("header", {}, element("h2", {}, title), close), ...content);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "?" || event.key === "i") dialog.close();
  });
  return dialog;
}

/** Make the table of keys. @param {import("./keys.js").Key[]} more of the page that the board is on */
export function makeHelp(more) {
  const all = [...KEYS, ...more];
  const parts = [...new Set(all.map(({ part }) => part))];
  const tables = parts.map((part) => {
    const rows = all.filter((key) => key.part === part).map((key) =>
      element("div", { class: "key-row" }, element("dt", {}, element("kbd", {}, shownKeys(key))), element("dd", {}, key.does)),
    );
    return element("section", {}, element("h3", {}, part), element("dl", {}, ...rows));
  });
  const mouse = element(
    "p",
    { class: "hint" },
    "Mouse: click puts the cursor, Shift + click makes a range, a drag paints with the last decision (wrong at first), a double click decides one.",
  );
  return makeDialog("Keys", element("div", { class: "keys" }, ...tables), mouse);
}

/** Make what shows the instructions, which are asked for when they are. @param {import("./types.js").Project} project */
export function makeInstructions(project) {
  const shown = element("div", { class: "instructions", dir: "auto", tabindex: "0" });
  const dialog = makeDialog(`Instructions: ${project.title}`, shown);

  async function read() {
    const where = project.project_url === null ? "" : " Write them in Label Studio: Settings > General > Labeling Instructions.";
    const { instructions } = await get(`projects/${project.id}/instructions`);
    shown.textContent = instructions.trim() || `This project has no instructions.${where}`;
  }

  return {
    element: dialog,
    open() {
      dialog.showModal();
      read().catch((error) => (shown.textContent ||= String(error.message)));
    },
  };
}
