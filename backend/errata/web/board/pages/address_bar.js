// @ts-check
/** Keeps a page's address at what it shows. Browsers refuse one that changes with every key, so keys that follow fast are written late. */

const PAUSE_MS = 300;

export function addressBar() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {string | null} */
  let waiting = null;
  let written = -Infinity;

  function flush() {
    clearTimeout(timer);
    if (waiting === null) return;
    history.replaceState(null, "", waiting);
    written = performance.now();
    waiting = null;
  }
  addEventListener("beforeunload", flush);
  addEventListener("pagehide", flush);

  return {
    /** Say where the page is now. @param {string} address */
    at(address) {
      clearTimeout(timer);
      waiting = address;
      timer = setTimeout(flush, Math.max(0, written + PAUSE_MS - performance.now()));
    },

    /** Go to another address, with a way back to this one. @param {string} address */
    push(address) {
      flush();
      history.pushState(null, "", address);
      written = performance.now();
    },

    flush,

    /** Forget what was not written: the browser itself went elsewhere. */
    drop() {
      clearTimeout(timer);
      waiting = null;
    },
  };
}
