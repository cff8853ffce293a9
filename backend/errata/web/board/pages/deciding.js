// @ts-check
/** What a person decides: shown at once, sent by the outbox, taken back and done again. */

import { get, post } from "./api.js";
import { decisionOf, inWords, markOf, scanMark } from "./decisions.js";
import { plural } from "./elements.js";
import { newId } from "./outbox.js";
import { isSame, standingsBook } from "./standings.js";
import { stopwatch } from "./stopwatch.js";
import { undoHistory } from "./undo.js";

/**
 * @typedef {import("./types.js").Tile} Tile
 * @typedef {import("./types.js").Mark} Mark
 * @typedef {import("./undo.js").Decisions} Decisions
 * @typedef {import("./decisions.js").Wanted} Wanted
 */

/**
 * @param {number} project
 * @param {import("./outbox.js").Outbox} outbox
 * @param {{onChange: (keys: string[]) => void, onUndone: (keys: string[]) => void, say: (text: string, isError?: boolean) => void}} does
 */
export function makeDeciding(project, outbox, { onChange, onUndone, say }) {
  const book = standingsBook(() => outbox.waiting(project));
  const history = undoHistory();
  const watch = stopwatch();
  let nSaved = 0; // answers of the outbox: what was asked before one may be older than it
  /** @type {Wanted} */
  let last = { decision: "wrong" };

  const stopListening = outbox.listen({ onSaved });
  void get(`projects/${project}/history`).then(
    (told) => outbox.waiting(project).length || history.told(told),
    () => undefined, // the outbox says that errata is away, and the next answer brings the counts
  );

  /** @param {number} of @param {import("./action_store.js").Waiting[]} sent @param {import("./types.js").Outcome} outcome */
  function onSaved(of, sent, outcome) {
    if (of !== project) return;
    nSaved += 1;
    book.learn(outcome.standings);
    if (outcome.undo >= 0 && !outbox.waiting(project).length) history.told(outcome);
    onChange([...Object.keys(outcome.standings), ...sent.flatMap(({ effect }) => Object.keys(effect))]);
    for (const { why } of outcome.refused) say(`Not taken: ${why}`, true);
    const unknown = sent.filter(({ action, effect }) => action.kind !== "decide" && !Object.keys(effect).length);
    if (unknown.length) onUndone(Object.keys(outcome.standings));
  }

  /** @param {Mark[]} marks */
  function act(marks) {
    const now = marks.map((mark) => /** @type {const} */ ([mark, book.of(mark.key).mine, decisionOf(mark)]));
    const changes = now.filter(([, before, after]) => !isSame(before, after));
    if (!changes.length) return 0;
    const before = Object.fromEntries(changes.map(([{ key }, was]) => [key, was]));
    const after = Object.fromEntries(changes.map(([{ key }, , will]) => [key, will]));
    history.did({ before, after });
    const action = { id: newId(), kind: /** @type {const} */ ("decide"), at: new Date().toISOString(), seconds: watch.lap(), marks: changes.map(([mark]) => mark) };
    outbox.add(project, action, after);
    onChange(Object.keys(after));
    return changes.length;
  }

  /** @param {"undo" | "redo"} kind */
  function turn(kind) {
    const effect = kind === "undo" ? history.undo() : history.redo();
    if (effect === null) return say(kind === "undo" ? "Nothing to undo." : "Nothing to redo.");
    outbox.add(project, { id: newId(), kind, at: new Date().toISOString() }, effect);
    onChange(Object.keys(effect));
    if (Object.keys(effect).length) onUndone(Object.keys(effect));
    say(kind === "undo" ? "Undone." : "Done again.");
  }

  return {
    standing: book.of,
    keepOnly: book.keepOnly,
    last: () => last,
    undo: () => turn("undo"),
    redo: () => turn("redo"),
    stop: stopListening,

    /** Take how tiles stood when they were fetched, where nothing later is known. @param {Tile[]} tiles */
    meet(tiles) {
      book.learn(Object.fromEntries(tiles.filter(({ key }) => !book.knows(key)).map((tile) => [tile.key, tile.standing])));
    },

    /** Decide the same about each of some tiles; return whether it holds for any. @param {Tile[]} tiles @param {Wanted} wanted */
    decide(tiles, wanted) {
      const marks = tiles.map((tile) => markOf(wanted, tile));
      const meant = /** @type {Mark[]} */ (marks.filter((mark) => typeof mark !== "string"));
      const why = marks.find((mark) => typeof mark === "string");
      if (typeof why === "string") say(meant.length ? `${why} ${plural(marks.length - meant.length, "label")} left out.` : why, true);
      if (!meant.length) return false;
      if (wanted.decision !== null) last = wanted;
      act(meant);
      const [first] = meant;
      const decision = decisionOf(first);
      if (typeof why !== "string") say(`${decision ? inWords(decision) : "taken back"}${meant.length > 1 ? `: ${plural(meant.length, "label")}` : ""}`);
      return true;
    },

    /** Say of what nobody marked that it looks right. @param {Tile[]} seen @param {number} nUnseen */
    commit(seen, nUnseen) {
      const unmarked = seen.filter(({ key }) => {
        const { mine, others } = book.of(key);
        return mine === null && !others.some(({ strength }) => strength === "verdict");
      });
      const n = act(unmarked.map(({ key }) => scanMark(key)));
      const left = nUnseen ? ` ${plural(nUnseen, "label")} whose picture did not show: left out.` : "";
      say(`${plural(n, "label")}: looks right.${left}`, nUnseen > 0);
    },

    /** Ask how tiles stand, for others decide too. @param {string[]} keys */
    async poll(keys) {
      const asked = nSaved;
      const { standings } = await post(`projects/${project}/standings`, { keys });
      if (asked !== nSaved) return;
      const told = Object.fromEntries(keys.map((key) => [key, standings[key] ?? null]));
      const news = keys.filter((key) => {
        const [now, then] = [told[key]?.others ?? [], book.of(key).others];
        return now.length !== then.length || now.some((/** @type {any} */ one, /** @type {number} */ i) => !isSame(one, then[i]));
      });
      book.learn(told);
      onChange(keys);
      if (news.length) say(`${told[news[0]]?.others.at(-1)?.reviewer ?? "Somebody"} decided ${plural(news.length, "label")} of this page meanwhile.`);
    },
  };
}
