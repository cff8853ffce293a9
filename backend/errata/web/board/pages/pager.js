// @ts-check
/** Which page is shown, of how many, and the way to the others. */

import { button, count, element, setText } from "./elements.js";

/** @param {(command: string) => void} run */
export function makePager(run) {
  const where = element("span", { class: "where" });
  const previous = button("‹", () => run("previous"), { "aria-label": "Page before", title: "Page before ([)", class: "quiet" });
  const next = button("›", () => run("next"), { "aria-label": "Next page", title: "Next page (])", class: "quiet" });
  return {
    element: element("nav", { class: "pager", "aria-label": "Pages" }, previous, where, next),
    /** @param {number} page from 1 @param {number} nPages @param {number} total labels */
    show(page, nPages, total) {
      setText(where, total ? `page ${count(page)} of ${count(nPages)}` : "");
      previous.disabled = page <= 1;
      next.disabled = page >= nPages;
    },
  };
}
