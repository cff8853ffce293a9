// @ts-check
/** Keeps a page's address at what it shows. Browsers refuse one that changes with every key, so the cursor is written late. */

const PAUSE_MS = 200;

export function addressBar() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {string | null} */
  let waiting = null;

  function flush() {
    clearTimeout(timer);
    if (waiting !== null) history.replaceState(null, "", waiting);
    waiting = null;
  }
  addEventListener("pagehide", flush);

  return {
    /** Say where the page is now. @param {string} address */
    at(address) {
      clearTimeout(timer);
      waiting = address;
      timer = setTimeout(flush, PAUSE_MS);
    },

    /** Go to another address, with a way back to this one. @param {string} address */
    push(address) {
      flush();
      history.pushState(null, "", address);
    },

    flush,

    /** Forget what was not written: the browser itself went elsewhere. */
    drop() {
      clearTimeout(timer);
      waiting = null;
    },
  };
}
