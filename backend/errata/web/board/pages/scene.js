// @ts-check
/** The whole scene with the given and the proposed region drawn over it. */

import { address } from "./api.js";
import { element, svg } from "./elements.js";

/** @typedef {import("./types.js").Detail} Detail @typedef {import("./types.js").Outline} Outline */

/** Make an element that shows one scene after the other. */
export function makeScene() {
  const picture = element("img", { alt: "", decoding: "async" });
  const overlay = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
  const masks = element("div", { class: "masks", "aria-hidden": "true" });
  const shown = element("div", { class: "scene" }, picture, masks);
  shown.append(overlay);
  picture.addEventListener("load", () => {
    shown.classList.remove("is-loading");
    takeShape(picture.naturalWidth, picture.naturalHeight); // its size may not have been known
  });
  picture.addEventListener("error", () => shown.classList.replace("is-loading", "is-failed"));

  /** @param {number} width @param {number} height */
  function takeShape(width, height) {
    shown.style.setProperty("aspect-ratio", `${width} / ${height}`);
    shown.style.setProperty("--scene-shape", String(width / height));
  }

  return {
    element: shown,

    /** @param {number} project @param {Detail} detail @returns {boolean} whether there is a scene */
    show(project, { scene, shapes, content }) {
      shown.hidden = scene === null;
      overlay.replaceChildren();
      masks.replaceChildren();
      if (scene === null) {
        picture.removeAttribute("src");
        return false;
      }
      const [width, height] = scene.width && scene.height ? [scene.width, scene.height] : [4, 3];
      const src = scenePicture(project, scene.src);
      if (picture.src !== src) takeShape(width, height);
      overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
      if (picture.src !== src) {
        shown.classList.remove("is-failed");
        shown.classList.add("is-loading");
        picture.src = src;
      }
      picture.alt = content.alt ?? "the whole scene";
      for (const which of /** @type {const} */ (["given", "proposed"])) {
        const outline = shapes[which];
        if (outline?.type === "mask") masks.append(coloured(address(`projects/${project}/${outline.src}`), which));
        else if (outline) overlay.append(...drawn(outline, which, width, height));
      }
      return true;
    },
  };
}

/** @param {number} project @param {string} src */
function scenePicture(project, src) {
  const url = new URL(address(`projects/${project}/${src}`));
  if (!url.searchParams.has("context")) url.searchParams.set("context", "scene");
  if (!url.searchParams.has("size")) url.searchParams.set("size", "1600");
  return url.href;
}

/** Return a mask in the colour of what it is. @param {string} src @param {"given" | "proposed"} which */
function coloured(src, which) {
  const mask = element("div", { class: `mask ${which}` });
  mask.style.setProperty("mask-image", `url("${src}")`);
  return mask;
}

/**
 * @param {Outline} outline @param {"given" | "proposed"} which
 * @param {number} width @param {number} height of the scene, in pixels
 */
function drawn(outline, which, width, height) {
  const points = (outline.points ?? []).map(([x, y]) => [x * width, y * height]);
  if (outline.type === "point") {
    const [x, y] = points[0];
    return bordered((look) => svg("circle", { cx: x, cy: y, r: Math.max(width, height) / 80, class: look }), which);
  }
  const list = points.map((point) => point.join(",")).join(" ");
  return bordered((look) => svg("polygon", { points: list, class: look }), which);
}

/** Draw a dark line below the bright one, to be seen on any picture. @param {(look: string) => SVGElement} draw @param {string} which */
function bordered(draw, which) {
  return [draw(`under ${which}`), draw(`line ${which}`)];
}
