// @ts-check
/** How long somebody looked before they decided. */

const CAP_S = 300; // who looks longer than this was elsewhere

/** Start a watch that runs while the page is visible. @param {() => number} [now] milliseconds */
export function stopwatch(now = () => performance.now()) {
  let spent = 0;
  let since = document.visibilityState === "visible" ? now() : null;

  document.addEventListener("visibilitychange", () => {
    if (since !== null) spent += now() - since;
    since = document.visibilityState === "visible" ? now() : null;
  });

  /** Return the seconds since the last lap, and begin another. */
  function lap() {
    const total = spent + (since === null ? 0 : now() - since);
    spent = 0;
    if (since !== null) since = now();
    return Math.min(CAP_S, Math.round(total / 10) / 100);
  }

  return { lap };
}
