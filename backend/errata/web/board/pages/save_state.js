// @ts-check
/** Says whether what was decided is kept: saved, saving, pending or offline. */

import { signInAddress } from "./api.js";
import { count, element, setText } from "./elements.js";

/** @typedef {import("./outbox.js").SaveState} SaveState */

/** @param {import("./outbox.js").Outbox} outbox */
export function makeSaveState(outbox) {
  const words = element("span", { class: "save-words" });
  const spoken = element("span", { class: "unseen", role: "status", "aria-live": "polite" }); // says what is unusual, not each verdict
  const link = element("a", { class: "sign-in-again", hidden: true }, "sign in");
  const shown = element("span", { class: "save-state", "data-status": "saved" }, element("i", { "aria-hidden": "true" }), words, link, spoken);
  let wasTrouble = false;
  outbox.listen({
    onState(state) {
      shown.dataset.status = state.status;
      setText(words, wordsOf(state));
      shown.title = [state.why, state.n ? keptWhere(state) : ""].filter(Boolean).join(" ");
      link.hidden = state.status !== "signed out";
      link.href = signInAddress();
      const isTrouble = state.status !== "saved" && (wasTrouble || state.status !== "saving");
      if (isTrouble || wasTrouble) setText(spoken, wordsOf(state));
      wasTrouble = isTrouble;
    },
  });
  return shown;
}

/** @param {SaveState} state */
function wordsOf({ status, n }) {
  if (status === "saved") return "saved";
  if (status === "saving") return n > 1 ? `saving ${count(n)}` : "saving";
  if (status === "offline") return n ? `offline, ${count(n)} pending` : "offline";
  return status === "signed out" ? `${count(n)} pending: ` : `${count(n)} pending`;
}

/** @param {SaveState} state */
function keptWhere({ isDurable }) {
  return isDurable
    ? "What is pending is kept in this browser and sent when it can be."
    : "This browser keeps nothing: what is pending is lost when this page is closed.";
}
