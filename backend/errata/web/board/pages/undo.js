// @ts-check
/** What undo takes back. The server holds the whole history; this mirrors its end, to show at once what it will do. */

/**
 * @typedef {Record<string, import("./types.js").Decision | null>} Decisions by key
 * @typedef {{before: Decisions, after: Decisions}} Step
 */

const N_MIRRORED = 100;

export function undoHistory() {
  /** @type {Step[]} */
  let done = [];
  /** @type {Step[]} */
  let undone = [];
  let counts = { undo: 0, redo: 0 };

  return {
    counts: () => counts,

    /** @param {Step} step */
    did(step) {
      done = [...done.slice(1 - N_MIRRORED), step];
      undone = [];
      counts = { undo: counts.undo + 1, redo: 0 };
    },

    /** Return what undo will bring, {} where only the server knows; null where nothing is left. @returns {Decisions | null} */
    undo() {
      if (!counts.undo) return null;
      const step = done.pop();
      counts = { undo: counts.undo - 1, redo: counts.redo + 1 };
      undone.push(step ?? { before: {}, after: {} });
      return step?.before ?? {};
    },

    /** @returns {Decisions | null} */
    redo() {
      if (!counts.redo) return null;
      const step = undone.pop();
      counts = { undo: counts.undo + 1, redo: counts.redo - 1 };
      done.push(step ?? { before: {}, after: {} });
      return step?.after ?? {};
    },

    /** Take the server's counts; call it when nothing waits to be sent. @param {{undo: number, redo: number}} told */
    told({ undo, redo }) {
      counts = { undo, redo };
      if (done.length > undo) done = done.slice(done.length - undo);
      if (undone.length > redo) undone = undone.slice(undone.length - redo);
    },
  };
}
