// @ts-check
/** The top of every page: where one is, where one can go, and who one is. */

import { remove } from "./api.js";
import { button, element } from "./elements.js";
import { makeSaveState } from "./save_state.js";

/** @type {[page: string, title: string][]} */
const PAGES = [
  ["scan", "Board"],
  ["projector", "Projector"],
  ["confusion", "Confusion"],
  ["marks", "Marked"],
];

/**
 * @param {object} of
 * @param {import("./types.js").Project} of.project
 * @param {import("./types.js").Session} of.session
 * @param {import("./outbox.js").Outbox} of.outbox
 * @param {string} of.page "scan", "projector", "confusion" or "marks"
 * @param {string | null} of.control
 * @param {...HTMLElement} tools of this page
 */
export function makeHeader({ project, session, outbox, page, control }, ...tools) {
  const query = new URLSearchParams({ project: String(project.id), ...(control ? { control } : {}) });
  const links = PAGES.filter(([name]) => name !== "projector" || project.has_map).map(([name, title]) =>
    element("a", { href: `${name}.html?${query}`, "aria-current": name === page && "page" }, title),
  );
  return element(
    "header",
    { class: "top" },
    element("a", { class: "brand", href: "./", title: "Projects" }, "errata"),
    project.project_url === null
      ? element("span", { class: "project-title", dir: "auto" }, project.title)
      : element("a", { class: "project-title", href: project.project_url, target: "_blank", rel: "noopener", dir: "auto", title: "Open it in Label Studio" }, project.title),
    element("nav", { class: "pages", "aria-label": "Pages of the project" }, ...links),
    element("div", { class: "page-tools" }, ...tools),
    makeSaveState(outbox),
    whoami(session),
  );
}

/** @param {import("./types.js").Session} session */
export function whoami(session) {
  const leave = button("Sign out", () => void signOut(), { class: "quiet" });
  const name = element("span", { class: "name", title: session.user.email }, session.user.name || session.user.email);
  return element("div", { class: "who" }, name, session.expires_at !== null && leave);
}

async function signOut() {
  await remove("session").catch(() => undefined); // a session that is over already is what was asked for
  location.assign("./");
}

/**
 * Make a choice of a few, as links that a page may take over.
 * @param {string} label @param {{title: string, href: string, isChosen: boolean, onChoose: () => void}[]} choices
 */
export function makeSwitch(label, choices) {
  return element("div", { class: "switch", role: "group", "aria-label": label }, ...choices.map(({ title, href, isChosen, onChoose }) => followed(element("a", { href, "aria-current": isChosen && "true" }, title), onChoose)));
}

/** Follow a link within the page, unless another tab is wanted. @param {HTMLAnchorElement} link @param {() => void} follow */
export function followed(link, follow) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
    event.preventDefault();
    follow();
  });
  return link;
}
