// @ts-check
/** Shows what a label is about: the crop of a picture, the snippet of a text, the part of a sound. */

import { address } from "./api.js";
import { element, setText } from "./elements.js";

/** @typedef {import("./types.js").Content} Content */

const SIZES = [160, 320, 640, 1600]; // what the server makes, in pixels

/** Return the least size that fills so many of a page's pixels. @param {number} width */
export function pictureSize(width) {
  const wanted = width * Math.min(2, globalThis.devicePixelRatio || 1);
  return SIZES.find((size) => size >= wanted * 0.8) ?? 1600;
}

/**
 * @param {number} project
 * @param {Content} content
 * @param {string} context
 * @param {number} size
 * @returns {string | null} null where it is no picture
 */
export function pictureAddress(project, content, context, size) {
  return content.type === "image" && content.src ? address(`projects/${project}/${content.src}`, { context, size }) : null;
}

/** @param {number | null | undefined} seconds */
function clock(seconds) {
  if (seconds === null || seconds === undefined) return "";
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
}

/** Return what of a file is meant, in words. @param {Content} content */
export function partInWords({ start, end }) {
  const [from, to] = [clock(start), clock(end)];
  return from && to ? `${from} – ${to}` : from || to;
}

/** Make an element that shows one content after the other. @param {boolean} [isBeside] its pictures wait for those of others, and until they are in sight */
export function makeContent(isBeside = false) {
  const haste = isBeside ? { fetchpriority: "low", loading: "lazy" } : { fetchpriority: "high" };
  const picture = element("img", { draggable: "false", alt: "", decoding: "async", ...haste });
  const [before, span, after] = [element("span"), element("mark"), element("span")];
  const text = element("p", { class: "snippet", dir: "auto" }, before, span, after);
  const sign = element("span", { class: "media-sign", "aria-hidden": "true" });
  const part = element("span", { class: "media-part" });
  const media = element("div", { class: "media" }, sign, part);
  const failed = element("span", { class: "no-picture" }, "no picture");
  const answer = element("span", { class: "answers" });
  const shown = element("div", { class: "content" }, picture, text, media, failed, answer);
  let isSeen = true;

  picture.addEventListener("load", () => settle("is-shown"));
  picture.addEventListener("error", () => settle("is-failed"));

  /** @param {"is-shown" | "is-failed" | "is-loading"} how */
  function settle(how) {
    shown.classList.remove("is-shown", "is-failed", "is-loading");
    shown.classList.add(how);
    isSeen = how === "is-shown";
  }

  /** @param {string | null} src "" where it is on its way, null where it cannot be had */
  function showPicture(src) {
    if (src === null) return settle("is-failed");
    if (src && picture.src === src) return;
    settle("is-loading");
    if (src) picture.src = src;
    else picture.removeAttribute("src");
  }

  return {
    element: shown,

    /** Whether somebody can have seen it: a picture that is on its way, or missing, was not. */
    isSeen: () => isSeen,

    showPicture,

    /** @param {Content} content @param {string | null} src of its picture; "" where it is on its way, null where there is none */
    show(content, src) {
      shown.dataset.type = content.type;
      if (src !== null) {
        showPicture(src);
        picture.alt = content.alt ?? "";
      } else {
        picture.removeAttribute("src");
        settle("is-shown");
      }
      setText(before, tail(content.before ?? ""));
      setText(span, content.span ?? "");
      setText(after, content.after ?? content.text ?? "");
      setText(sign, content.type === "series" ? "∿" : "▶");
      setText(part, content.part || partInWords(content) || content.type);
      setText(answer, content.answer ? answers(content) : "");
    },

    clear() {
      picture.removeAttribute("src");
      for (const node of [before, span, after, part, answer]) setText(node, "");
    },
  };
}

/** @param {Content} content */
function answers({ answer, proposed }) {
  return proposed ? `${answer} → ${proposed}` : `${answer}`;
}

/** Keep the end of what stands before a span, so that the span is in sight. @param {string} text */
function tail(text) {
  return text.length > 48 ? `… ${text.slice(-44).replace(/^\S*\s/, "")}` : text;
}
