// @ts-check
/** Plays the part of a sound or a video that a label is about. */

import { address } from "./api.js";
import { element } from "./elements.js";

/** Make a player that shows one file after the other. */
export function makePlayer() {
  const shown = element("div", { class: "player", hidden: true }); // until a label is heard or seen in it
  /** @type {HTMLMediaElement | null} */
  let player = null;
  /** @type {{start: number, end: number | null}} */
  let part = { start: 0, end: null };

  /** @param {"audio" | "video"} type */
  function made(type) {
    if (player?.tagName.toLowerCase() === type) return player;
    const next = element(type, { controls: true, preload: "metadata", "aria-label": "The labelled part" });
    next.addEventListener("timeupdate", () => {
      if (part.end !== null && next.currentTime >= part.end && !next.paused) next.pause();
    });
    next.addEventListener("loadedmetadata", () => (next.currentTime = part.start));
    stop();
    shown.replaceChildren(next);
    return (player = next);
  }

  function stop() {
    player?.pause();
    player?.removeAttribute("src");
    player?.load();
  }

  return {
    element: shown,

    /** @param {number} project @param {import("./types.js").Content} content */
    show(project, content) {
      const isMedia = content.type === "audio" || content.type === "video";
      shown.hidden = !isMedia;
      if (!isMedia) return stop();
      part = { start: content.start ?? 0, end: content.end ?? null };
      const src = address(`projects/${project}/${content.src}`);
      const current = made(/** @type {"audio" | "video"} */ (content.type));
      if (current.src !== src) current.src = src;
      else current.currentTime = part.start;
    },

    /** Play the part from its beginning, or stop. */
    toggle() {
      if (player === null || shown.hidden) return;
      if (!player.paused) return player.pause();
      if (part.end === null || player.currentTime >= part.end || player.currentTime < part.start) player.currentTime = part.start;
      void player.play().catch(() => undefined); // the browser says in the player what is wrong with the file
    },
  };
}
