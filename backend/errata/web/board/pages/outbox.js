// @ts-check
/**
 * Sends what was decided, at once and in order, and sends it again until the server has it.
 *
 * Each action has an id of its own, and the server takes an id once: nothing is lost and nothing is counted twice when a
 * connection breaks, the server restarts or the page is reloaded. Of several tabs one sends at a time.
 */

import { ApiError, post } from "./api.js";

/**
 * @typedef {import("./types.js").Action} Action
 * @typedef {import("./types.js").Outcome} Outcome
 * @typedef {import("./action_store.js").Waiting} Waiting
 * @typedef {{status: "saved" | "saving" | "pending" | "offline" | "signed out", n: number, why: string, isDurable: boolean}} SaveState
 * @typedef {{onState?: (state: SaveState) => void, onSaved?: (project: number, sent: Waiting[], outcome: Outcome) => void}} Listener
 */

const BATCH = 25;
const TIMEOUT_MS = 20_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const REFUSALS = [400, 413, 415, 422]; // the request itself is bad: sending it again would not help

/** Return a random UUID; `crypto.randomUUID` is there on https and localhost alone. */
export function newId() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Return who somebody is on this errata: one origin may serve several, behind prefixes. @param {number} userId */
export function ownerOf(userId) {
  return `${new URL("api/", document.baseURI).href} ${userId}`;
}

/** @typedef {Awaited<ReturnType<typeof openOutbox>>} Outbox */

/**
 * @param {string} owner
 * @param {import("./action_store.js").ActionStore} store
 * @param {number} reviewer whose actions they are: in another tab somebody else may have signed in by now
 */
export async function openOutbox(owner, store, reviewer) {
  /** @type {Waiting[]} being written to the store */
  let unstored = [];
  let stored = await store.list();
  /** @type {Set<Listener>} */
  const listeners = new Set();
  /** @type {SaveState} */
  let state = { status: stored.length ? "saving" : "saved", n: stored.length, why: "", isDurable: true };
  let [isSending, isWanted] = [false, false];
  let pause = FIRST_PAUSE_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {SaveState["status"]} status @param {string} [why] */
  function say(status, why = "") {
    state = { status, why, n: stored.length + unstored.length, isDurable: store.isDurable() };
    for (const listener of listeners) listener.onState?.(state);
  }

  /** @param {number} project @param {Action} action @param {Waiting["effect"]} effect */
  function add(project, action, effect) {
    const waiting = { owner, project, action, effect };
    unstored.push(waiting);
    say(state.status === "saved" ? "saving" : state.status, state.why);
    void store.add(waiting).then(async () => {
      stored.push(waiting);
      unstored = unstored.filter((each) => each !== waiting);
      if (state.status === "saved" || state.status === "saving") await send();
    });
  }

  /** Send until nothing waits, or something keeps it from going on. */
  async function send() {
    isWanted = true; // whoever asks while this ends is heard, too
    if (isSending) return;
    isSending = true;
    clearTimeout(timer);
    try {
      while (isWanted) {
        isWanted = false;
        while (await oneAtATime(sendSome));
      }
    } finally {
      isSending = false;
    }
  }

  /** Send a batch of each project; return whether there may be more to send. */
  async function sendSome() {
    stored = await store.list();
    if (!stored.length) return say(unstored.length ? "saving" : "saved"), false;
    say("saving");
    /** @type {ApiError | null} */
    let failure = null;
    for (const project of new Set(stored.map((waiting) => waiting.project))) {
      const batch = stored.filter((waiting) => waiting.project === project).slice(0, BATCH);
      try {
        await sendBatch(project, batch);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failure = error;
        if (error.status === 0 || error.status === 401) break;
      }
    }
    stored = await store.list();
    if (failure) return waitAfter(failure), false;
    pause = FIRST_PAUSE_MS;
    return true;
  }

  /** @param {number} project @param {Waiting[]} batch */
  async function sendBatch(project, batch) {
    /** @type {Outcome} */
    let outcome;
    try {
      const actions = batch.map(({ action }) => action);
      outcome = await post(`projects/${project}/actions`, { actions, reviewer }, AbortSignal.timeout(TIMEOUT_MS));
    } catch (error) {
      if (!(error instanceof ApiError) || !REFUSALS.includes(error.status)) throw error;
      if (batch.length > 1) {
        for (const one of batch) await sendBatch(project, [one]); // one bad action must not hold up the others
        return;
      }
      outcome = { accepted: [], refused: [{ id: batch[0].action.id, why: error.message }], standings: {}, undo: -1, redo: -1 };
    }
    const answered = new Set([...outcome.accepted, ...outcome.refused.map(({ id }) => id)]);
    const done = batch.filter(({ action }) => answered.has(action.id));
    if (!done.length) throw new ApiError(502, "errata did not say what became of what was sent.");
    await store.remove(done);
    stored = stored.filter((waiting) => !done.includes(waiting));
    for (const listener of listeners) listener.onSaved?.(project, done, outcome);
  }

  /** @param {ApiError} failure */
  function waitAfter(failure) {
    if (failure.status === 401) return say("signed out", failure.message);
    say(failure.status === 0 ? "offline" : "pending", failure.message);
    timer = setTimeout(send, pause * (0.75 + Math.random() / 2));
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  }

  const hurry = () => {
    pause = FIRST_PAUSE_MS;
    if (document.visibilityState === "visible" && stored.length) void send();
  };
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  addEventListener("beforeunload", (event) => {
    if (state.n && !store.isDurable()) event.preventDefault();
  });
  void send();

  return {
    add,
    /** Send what waits now. */
    hurry,
    /** Return what the server may not have yet, in order. @param {number} project */
    waiting: (project) => [...stored, ...unstored].filter((each) => each.project === project),
    state: () => state,
    /** @param {Listener} listener @returns {() => void} stops it */
    listen(listener) {
      listeners.add(listener);
      listener.onState?.(state);
      return () => listeners.delete(listener);
    },
  };
}

/** Run work that no other tab runs meanwhile; where a browser has no locks, each tab by itself. @template T @param {() => Promise<T>} work @returns {Promise<T>} */
async function oneAtATime(work) {
  if (!("locks" in navigator)) return work();
  let isBegun = false;
  const begun = () => ((isBegun = true), work());
  try {
    return await navigator.locks.request("errata-outbox", begun);
  } catch (error) {
    if (isBegun) throw error;
    return work(); // browsers may deny it to a frame in another site's page, as a notebook's is
  }
}
