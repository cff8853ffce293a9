// @ts-check
/** Sign-in, and the projects. */

import { ApiError, get, post, returnAddress } from "./api.js";
import { count, element, percent, plural } from "./elements.js";
import { whoami } from "./header.js";
import { sayWhy } from "./opening.js";

/** @typedef {{id: number, title: string, rows: number, suspects: number, decided: number, audited_at: string | null}} Listed */

const main = /** @type {HTMLElement} */ (document.querySelector("main"));

async function begin() {
  try {
    await showProjects(await get("session"));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) showSignIn();
    else sayWhy(error);
  }
}

function showSignIn() {
  const token = element("input", { type: "password", id: "token", name: "token", required: true, autocomplete: "off", spellcheck: "false", "aria-describedby": "token-help" });
  const send = element("button", { type: "submit", class: "primary" }, "Sign in");
  const error = element("p", { class: "form-error", role: "alert" });
  const form = element(
    "form",
    { class: "sign-in", autocomplete: "off" },
    element("h1", {}, "Sign in"),
    element("p", { class: "lead" }, "With your own Label Studio token, so that what you decide carries your name."),
    element("label", { for: "token" }, "Label Studio token"),
    element("div", { class: "token-row" }, token, send),
    error,
    element(
      "div",
      { id: "token-help", class: "hint" },
      element("p", {}, "In Label Studio: your initials at the top right, ", element("b", {}, "Account & Settings"), ", then ", element("b", {}, "Personal Access Token"), " (Create New Token) or ", element("b", {}, "Legacy Token"), " (Copy). Both work."),
      element("p", {}, "errata checks it with Label Studio and keeps it encrypted on its server for 12 hours. It is never kept in this browser and never sent back."),
      element("p", {}, "You see the projects that Label Studio shows to you. Label Studio Community shows every project to every member of the organisation, so everybody who can see a project there can decide here."),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void signIn(token, send, error);
  });
  main.replaceChildren(element("div", { class: "brand large" }, "errata"), form);
  token.focus();
}

/** @param {HTMLInputElement} token @param {HTMLButtonElement} send @param {HTMLElement} said */
async function signIn(token, send, said) {
  send.disabled = true;
  said.textContent = "";
  try {
    await post("session", { token: token.value.trim() });
    token.value = "";
    location.replace(returnAddress(new URLSearchParams(location.search).get("return")) ?? "./");
  } catch (error) {
    said.textContent = error instanceof Error ? error.message : String(error);
    token.select();
  } finally {
    send.disabled = false;
  }
}

/** @param {import("./types.js").Session} session */
async function showProjects(session) {
  /** @type {{projects: Listed[]}} */
  const { projects } = await get("projects");
  const top = element("header", { class: "top" }, element("span", { class: "brand" }, "errata"), element("div", { class: "page-tools" }), whoami(session));
  document.body.prepend(top);
  main.replaceChildren(
    element("h1", {}, "Projects"),
    projects.length
      ? element("ul", { class: "projects" }, ...projects.map(card))
      : element("p", { class: "lead" }, "None of the projects that Label Studio shows you was audited. Run ", element("code", {}, "errata audit PROJECT"), "."),
    ...(session.label_studio === null ? [] : [element("p", { class: "hint" }, "These are the audited projects that Label Studio shows you. The Community edition shows a project to everybody of the organisation.")]),
  );
}

/** @param {Listed} project */
function card(project) {
  const share = project.suspects ? Math.min(1, project.decided / project.suspects) : 0;
  const bar = element("span", { class: "progress", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(share));
  const to = /** @param {string} page @param {string} title */ (page, title) => element("a", { href: `${page}.html?project=${project.id}`, "aria-label": `${title} of ${project.title}` }, title);
  return element(
    "li",
    {},
    element("h2", {}, element("a", { href: `scan.html?project=${project.id}`, dir: "auto" }, project.title || `Project ${project.id}`)),
    element("p", { class: "figures" }, `${plural(project.rows, "label")} · ${plural(project.suspects, "suspect")} · ${count(project.decided)} decided (${percent(share)})`, project.audited_at ? ` · audited ${when(project.audited_at)}` : ""),
    bar,
    element("p", { class: "links" }, to("scan", "Board"), to("projector", "Projector"), to("confusion", "Confusion"), to("marks", "Marked")),
  );
}

/** @param {string} time ISO */
function when(time) {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
}

await begin();
