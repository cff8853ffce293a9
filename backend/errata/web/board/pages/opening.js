// @ts-check
/** How a project's page begins: who looks, at what, and what they did that the server does not have yet. */

import { openActionStore } from "./action_store.js";
import { ApiError, get, signIn } from "./api.js";
import { element } from "./elements.js";
import { openOutbox, ownerOf } from "./outbox.js";

/** @typedef {{session: import("./types.js").Session, project: import("./types.js").Project, outbox: import("./outbox.js").Outbox}} Opened */

/**
 * Open a page, and say on it what keeps it from opening.
 * @param {number | null} projectId
 * @param {(opened: Opened) => Promise<void> | void} show
 */
export async function openPage(projectId, show) {
  if (projectId === null) return location.replace("./");
  try {
    const [session, project] = await Promise.all([get("session"), get(`projects/${projectId}`)]);
    const owner = ownerOf(session.user.id);
    const outbox = await openOutbox(owner, await openActionStore(owner), session.user.id);
    document.title = `${project.title} – ${document.title}`;
    await show({ session, project, outbox });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return signIn();
    sayWhy(error);
  }
}

/** @param {unknown} error */
export function sayWhy(error) {
  const why = error instanceof Error ? error.message : String(error);
  const again = element("a", { href: location.href }, "Try again");
  const home = element("a", { href: "./" }, "Projects");
  document.querySelector("main")?.replaceChildren(element("div", { class: "stopped", role: "alert" }, element("h1", {}, "This page cannot be shown"), element("p", {}, why), element("p", {}, again, " · ", home)));
}
