// @ts-check
/** The one table of keys: what they do, how the help shows them, and when they are silent. */

/**
 * @typedef {object} Key
 * @property {string} command
 * @property {string[]} keys as `keyName` calls them
 * @property {string} does
 * @property {string} part of the help
 * @property {string} [shown] instead of the keys, in the help
 */

/** @type {Key[]} */
export const KEYS = [
  { part: "Decide", command: "wrong", keys: ["x"], does: "The label is wrong" },
  { part: "Decide", command: "keep", keys: ["q"], does: "The label is right: keep it" },
  { part: "Decide", command: "take", keys: ["w"], does: "Take the proposal" },
  { part: "Decide", command: "fix", keys: ["r", "/"], does: "Fix: type the right label" },
  { part: "Decide", command: "likely", keys: [..."123456789"], shown: "1 – 9", does: "Fix: one of the likeliest labels" },
  { part: "Decide", command: "unusable", keys: ["e"], does: "Unusable: the data are broken" },
  { part: "Decide", command: "unclear", keys: ["n"], does: "Unclear: cannot be told" },
  { part: "Decide", command: "missing", keys: ["m"], does: "Something is missing here" },
  { part: "Decide", command: "boundary", keys: ["b"], does: "The boundary is bad" },
  { part: "Decide", command: "nothing", keys: ["Backspace", "Delete"], shown: "Backspace", does: "Take my decision back" },
  { part: "Undo", command: "undo", keys: ["z"], does: "Undo, without limit" },
  { part: "Undo", command: "redo", keys: ["Shift+Z"], does: "Redo" },
  { part: "Move", command: "move", keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], does: "Left, right, up, down" },
  { part: "Move", command: "first", keys: ["Home"], does: "First of the page" },
  { part: "Move", command: "last", keys: ["End"], does: "Last of the page" },
  { part: "Move", command: "extend", keys: ["Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"], shown: "Shift + arrows", does: "A range: what is decided holds for all of it" },
  { part: "Pages", command: "commit", keys: ["Shift+Enter"], does: "The rest looks right; next page" },
  { part: "Pages", command: "next", keys: ["PageDown", "]"], does: "Next page" },
  { part: "Pages", command: "previous", keys: ["PageUp", "["], does: "Page before" },
  { part: "Pages", command: "nextGroup", keys: ["."], does: "Next group" },
  { part: "Pages", command: "previousGroup", keys: [","], does: "Group before" },
  { part: "Pages", command: "groups", keys: ["g"], does: "Search the groups" },
  { part: "Pages", command: "show", keys: ["a"], does: "All labels, or suspects alone" },
  { part: "Look", command: "peek", keys: ["Space"], does: "The whole scene, large" },
  { part: "Look", command: "outlines", keys: ["o"], does: "Outlines on the scene, or none" },
  { part: "Look", command: "context", keys: ["c"], does: "More around the crops" },
  { part: "Look", command: "play", keys: ["p"], does: "Play the part (audio, video)" },
  { part: "Look", command: "similar", keys: ["f"], does: "Similar to this; again: back" },
  { part: "Look", command: "instructions", keys: ["i"], does: "The project's instructions" },
  { part: "Look", command: "help", keys: ["?"], does: "These keys" },
  { part: "Look", command: "close", keys: ["Escape"], does: "Close, or end the range" },
];

/** @type {Map<string, string>} */
const COMMANDS = new Map(KEYS.flatMap(({ command, keys }) => keys.map((key) => [key, command])));

/** @type {Record<string, string>} */
const SYMBOLS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

/** Return how the help shows a key. @param {Key} key */
export function shownKeys(key) {
  return key.shown ?? key.keys.map((name) => (SYMBOLS[name] ?? name).replace("Shift+", "Shift + ").replace("Z", "z")).join("  ");
}

/**
 * Return the name of a pressed key: "x", "Shift+Z", "Shift+Enter", "?", "Space".
 *
 * On a keyboard that writes other letters (Cyrillic, Greek), or digits with Shift alone (French), the key's place counts.
 * @param {KeyboardEvent} event
 */
export function keyName(event) {
  let name = event.key === " " ? "Space" : event.key;
  if (name.length === 1 && !COMMANDS.has(name.toLowerCase())) {
    const place = /^(?:Key([A-Z])|Digit([1-9]))$/.exec(event.code);
    const isForeign = name > "\u007f" || (place?.[2] && !event.shiftKey);
    if (place && isForeign) name = (place[1] ?? place[2]).toLowerCase();
  }
  if (/^[a-z]$/i.test(name)) return event.shiftKey ? `Shift+${name.toUpperCase()}` : name.toLowerCase();
  return name.length > 1 && event.shiftKey && name !== "Space" ? `Shift+${name}` : name;
}

/** Whether a key belongs to what has the focus: a field somebody types in, a button or a link that it presses. @param {KeyboardEvent} event */
export function isTaken(event) {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("input, textarea, select, dialog")) return true;
  if (target instanceof HTMLMediaElement) return event.key === " " || event.key.startsWith("Arrow");
  return (event.key === " " || event.key === "Enter") && !event.shiftKey && target.closest("a, button, summary") !== null;
}

/**
 * Call what belongs to a key, and say how to stop that.
 * @param {Document | HTMLElement} target
 * @param {(command: string, name: string) => boolean | void} run returns false where the key is not for it
 */
export function bindKeys(target, run) {
  const onKey = /** @param {Event} event */ (event) => {
    const pressed = /** @type {KeyboardEvent} */ (event);
    if (pressed.defaultPrevented || pressed.ctrlKey || pressed.altKey || pressed.metaKey || pressed.isComposing) return;
    if (isTaken(pressed)) return;
    const name = keyName(pressed);
    const command = COMMANDS.get(name);
    if (command !== undefined && run(command, name) !== false) pressed.preventDefault();
  };
  target.addEventListener("keydown", onKey);
  return () => target.removeEventListener("keydown", onKey);
}
