// @ts-check
/** A confusion matrix as people look at it: classes one by one, or blocks of classes that are confused together. */

/**
 * @typedef {object} Confusion
 * @property {(string | null)[]} labels in an order that shows blocks; null, the last, is where there is no label
 * @property {number[]} blocks where each block begins, the first at 0
 * @property {number[][]} cells [given, predicted, count, suspects, decided, scanned, wrong], the first two into `labels`
 *
 * @typedef {object} Entry a row and a column
 * @property {string} title
 * @property {number} first the first label
 * @property {number} last the last label
 *
 * @typedef {object} Cell
 * @property {number} count
 * @property {number} suspects
 * @property {number} decided
 * @property {number} scanned looked at in a page and not marked
 * @property {number} wrong
 *
 * @typedef {object} Matrix
 * @property {Entry[]} entries
 * @property {Cell[][]} rows a row each given label, a column each predicted one
 */

const NOTHING = "nothing"; // given, or predicted
const MOST_SINGLE = 30; // classes that are shown one by one
const MOST_FOUND = 40; // that a search shows one by one
const MOST_IN_BLOCK = 25;
const MOST_BLOCKS = 40;

/**
 * Return what is shown: every class where there are few; else the blocks, those that are open as their classes.
 * @param {Confusion} confusion
 * @param {ReadonlySet<number>} open first labels of blocks that are shown class by class
 * @param {string} search where it is not empty, the classes that have it in their names and no others
 * @returns {Matrix}
 */
export function arranged(confusion, open, search) {
  const entries = chosen(confusion, open, search);
  const of = new Int32Array(confusion.labels.length).fill(-1);
  entries.forEach((entry, n) => of.fill(n, entry.first, entry.last + 1));
  const rows = entries.map(() => entries.map(() => ({ count: 0, suspects: 0, decided: 0, scanned: 0, wrong: 0 })));
  for (const [given, predicted, count, suspects, decided, scanned, wrong] of confusion.cells) {
    if (of[given] < 0 || of[predicted] < 0) continue;
    const cell = rows[of[given]][of[predicted]];
    cell.count += count;
    cell.suspects += suspects;
    cell.decided += decided;
    cell.scanned += scanned;
    cell.wrong += wrong;
  }
  return { entries, rows };
}

/**
 * Return blocks that people can look at: large ones are cut, and of very many small ones those that follow each other
 * are put together.
 * @param {Confusion} confusion
 * @returns {number[]} where each begins
 */
export function foldable({ labels, blocks }) {
  const cut = blocks.flatMap((first, n) => {
    const size = (blocks[n + 1] ?? labels.length) - first;
    const parts = Math.ceil(size / MOST_IN_BLOCK);
    return Array.from({ length: parts }, (_, part) => first + Math.round((part * size) / parts));
  });
  if (cut.length <= MOST_BLOCKS) return cut;
  const most = Math.ceil(labels.length / MOST_BLOCKS) * 2; // so that no two that follow each other fit into one
  /** @type {number[]} */
  const kept = [];
  cut.forEach((first, n) => {
    const end = cut[n + 1] ?? labels.length;
    const isJoined = kept.length > 0 && end - kept[kept.length - 1] <= most && labels[first] !== null;
    if (!isJoined) kept.push(first);
  });
  return kept;
}

/** Say whether classes are put together. @param {Confusion} confusion */
export function isCollapsible(confusion) {
  return confusion.labels.length > MOST_SINGLE;
}

/**
 * Return the first label of the block that a label is in.
 * @param {Confusion} confusion @param {number} label
 */
export function blockOf(confusion, label) {
  return confusion.blocks.filter((start) => start <= label).pop() ?? 0;
}

/** @param {Confusion} confusion @param {ReadonlySet<number>} open @param {string} search @returns {Entry[]} */
function chosen(confusion, open, search) {
  const { labels, blocks } = confusion;
  const single = (/** @type {number} */ i) => ({ title: labels[i] ?? NOTHING, first: i, last: i });
  const wanted = search.trim().toLocaleLowerCase();
  if (wanted) {
    const found = labels.map((label, i) => ({ label, i })).filter(({ label }) => (label ?? NOTHING).toLocaleLowerCase().includes(wanted));
    return found.slice(0, MOST_FOUND).map(({ i }) => single(i));
  }
  if (!isCollapsible(confusion)) return labels.map((_, i) => single(i));
  return blocks.flatMap((first, n) => {
    const last = (blocks[n + 1] ?? labels.length) - 1;
    const all = Array.from({ length: last - first + 1 }, (_, i) => single(first + i));
    return open.has(first) || all.length === 1 ? all : [{ title: blockTitle(labels, first, last), first, last }];
  });
}

/** @param {(string | null)[]} labels @param {number} first @param {number} last */
function blockTitle(labels, first, last) {
  return `${labels[first]} … ${labels[last]} (${last - first + 1})`;
}
