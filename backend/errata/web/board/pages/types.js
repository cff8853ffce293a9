// @ts-check
/** What the pages' JSON looks like; docs/board.md says what it means. */

/**
 * @typedef {"keep" | "take_proposal" | "fix" | "wrong" | "unusable" | "unclear"} DecisionName
 *
 * @typedef {object} Decision
 * @property {DecisionName} decision
 * @property {string | null} [label] what a `fix` says instead, or what was taken as it was proposed
 * @property {string | null} [reason] "missing" or "boundary" beside a `wrong`
 * @property {"verdict" | "scan"} strength
 *
 * @typedef {Decision & {reviewer: string, at: string}} OthersDecision
 *
 * @typedef {object} Standing
 * @property {Decision | null} mine
 * @property {OthersDecision[]} others
 * @property {boolean} is_contradictory
 *
 * @typedef {object} Content
 * @property {"image" | "text" | "audio" | "video" | "series" | "other"} type
 * @property {string} [src] relative to the project's address
 * @property {string} [alt]
 * @property {string} [before]
 * @property {string} [span]
 * @property {string} [after]
 * @property {number | null} [start] seconds
 * @property {number | null} [end] seconds
 * @property {string} [part] from when to when, of a time series
 * @property {string} [text]
 * @property {string} [answer] in words, where it is no label
 * @property {string} [proposed] likewise
 *
 * @typedef {object} Tile
 * @property {number} row
 * @property {string} key
 * @property {number} task
 * @property {number} annotation
 * @property {string | null} region
 * @property {string} control
 * @property {string} kind
 * @property {string | null} given
 * @property {string | null} predicted
 * @property {"replace" | "add" | "remove" | null} action
 * @property {string | null} [proposal] tells proposals apart
 * @property {[string, number][]} top
 * @property {number} disagreement in [0, 1]
 * @property {boolean} suspect
 * @property {string[]} detectors
 * @property {string} annotator
 * @property {Content} content
 * @property {Standing | null} standing
 *
 * @typedef {object} TilePage
 * @property {string} version
 * @property {number} total
 * @property {number} offset
 * @property {Tile[]} tiles
 *
 * @typedef {object} Outline
 * @property {"box" | "polygon" | "ellipse" | "point" | "mask"} type
 * @property {[number, number][]} [points] in shares of the scene
 * @property {string} [src]
 *
 * @typedef {object} DetailParts
 * @property {string} reason
 * @property {string | null} task_url null where there is no Label Studio
 * @property {{src: string, width: number, height: number} | null} scene
 * @property {{given: Outline | null, proposed: Outline | null}} shapes
 * @property {Tile[]} neighbours
 * @property {Tile[]} others
 * @property {Record<string, string>} data
 * @property {{before: string, span: string, after: string, proposed: [number, number] | null} | null} text
 *
 * @typedef {Tile & DetailParts} Detail
 *
 * @typedef {object} Group
 * @property {string} value
 * @property {string} title
 * @property {number} rows
 * @property {number} suspects
 * @property {number} decided
 * @property {number} scanned
 * @property {number} wrong
 * @property {Tile[]} examples
 *
 * @typedef {object} ControlShown
 * @property {string} name
 * @property {string} kind
 * @property {string} modality
 * @property {string[]} labels
 * @property {number} rows
 * @property {number} suspects
 * @property {number | null} trustworthiness
 *
 * @typedef {object} Project
 * @property {number} id
 * @property {string} title
 * @property {string} version
 * @property {string} model_version
 * @property {string | null} project_url null where there is no Label Studio
 * @property {ControlShown[]} controls
 * @property {string[]} fields
 * @property {string[]} detectors
 * @property {number} rows
 * @property {number} suspects
 * @property {boolean} has_map
 *
 * @typedef {object} User
 * @property {number} id
 * @property {string} email
 * @property {string} name
 *
 * @typedef {object} Session
 * @property {User} user
 * @property {string | null} expires_at null in a notebook, where nobody signs in or out
 * @property {string | null} label_studio null where there is none
 *
 * @typedef {object} Mark
 * @property {string} key
 * @property {DecisionName | null} decision null takes it back
 * @property {string | null} label
 * @property {string | null} reason
 * @property {"verdict" | "scan"} strength
 * @property {string | null} [proposal] which one was shown
 *
 * @typedef {object} Action
 * @property {string} id
 * @property {"decide" | "undo" | "redo"} kind
 * @property {string} at
 * @property {number} [seconds]
 * @property {Mark[]} [marks]
 *
 * @typedef {object} Outcome what the server says to a batch of actions
 * @property {string[]} accepted
 * @property {{id: string, why: string}[]} refused
 * @property {Record<string, Standing>} standings
 * @property {number} undo
 * @property {number} redo
 *
 * @typedef {object} Source where a board's tiles come from; their order never depends on verdicts
 * @property {string} id the same for the same tiles
 * @property {(offset: number, limit: number, signal?: AbortSignal) => Promise<TilePage>} page
 * @property {((key: string, limit: number, signal?: AbortSignal) => Promise<TilePage>) | null} locate the page on which a key stands
 */

export {};
