// @ts-check
/** Finds one of hundreds of labels by a few letters. */

import { element } from "./elements.js";

const N_SHOWN = 12;

/**
 * Return the labels that a typed text may mean, best first: those that begin with it, those with a word that does, those that
 * hold it, those that hold its letters in order. Among equals the order of `labels` stays.
 * @param {string} typed @param {string[]} labels likeliest first
 */
export function matching(typed, labels) {
  const wanted = folded(typed.trim());
  return labels
    .map((label, place) => ({ label, place, rank: rankOf(wanted, folded(label)) }))
    .filter(({ rank }) => rank < 4)
    .sort((one, other) => one.rank - other.rank || one.place - other.place)
    .map(({ label }) => label);
}

/** @param {string} text */
function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** @param {string} wanted @param {string} label */
function rankOf(wanted, label) {
  const at = label.indexOf(wanted);
  if (at === 0) return 0;
  if (at > 0) return /[\p{L}\p{N}]/u.test(label[at - 1]) ? 2 : 1;
  let next = 0;
  for (const letter of label) if (letter === wanted[next]) next++;
  return next === wanted.length ? 3 : 4;
}

/** Make the dialog in which a label is typed and chosen. */
export function makeLabelPicker() {
  const input = element("input", {
    type: "text",
    role: "combobox",
    "aria-label": "The right label",
    "aria-expanded": "true",
    "aria-controls": "picker-list",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "Type the right label",
  });
  const list = element("ul", { role: "listbox", id: "picker-list", "aria-label": "Labels" });
  const count = element("p", { class: "picker-count" });
  const dialog = element("dialog", { class: "picker", "aria-label": "Fix the label" }, input, list, count);
  /** @type {string[]} */
  let labels = [];
  /** @type {string[]} */
  let found = [];
  let at = 0;
  /** @type {(label: string) => void} */
  let choose = () => undefined;

  function show() {
    found = matching(input.value, labels);
    at = 0;
    list.replaceChildren(
      ...found.slice(0, N_SHOWN).map((label, i) => {
        const option = element("li", { role: "option", id: `picker-${i}`, dir: "auto" }, label);
        option.addEventListener("click", () => pick(label));
        return option;
      }),
    );
    count.textContent = found.length > N_SHOWN ? `${found.length - N_SHOWN} more of ${labels.length}: type on` : found.length ? "" : "No label is called like this.";
    point(0);
  }

  /** @param {number} to */
  function point(to) {
    const n = Math.min(found.length, N_SHOWN);
    at = n ? (to + n) % n : 0;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
    if (n) input.setAttribute("aria-activedescendant", `picker-${at}`);
    else input.removeAttribute("aria-activedescendant");
  }

  /** @param {string} label */
  function pick(label) {
    dialog.close();
    choose(label);
  }

  input.addEventListener("input", show);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") point(at + 1);
    else if (event.key === "ArrowUp") point(at - 1);
    else if (event.key === "Enter" && !event.isComposing) found.length && pick(found[at]);
    else return;
    event.preventDefault();
  });

  return {
    element: dialog,

    /** @param {string[]} all likeliest first @param {(label: string) => void} onChosen */
    open(all, onChosen) {
      [labels, choose] = [all, onChosen];
      input.value = "";
      dialog.showModal();
      show();
      input.focus();
    },
  };
}
