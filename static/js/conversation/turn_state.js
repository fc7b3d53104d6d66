// The state of a session's turns: all that the events so far mean for the events to come. Pure.
//
// sessions_app/events/turn_state.py is the same in Python, and says what the members of a turn are.

const CONFIRM_WITHIN = 3_000 // ms after a page joined, in which an answer that still sounds is heard of again

/**
 * All that the events so far mean for the events to come. A turn is {number, place, role, began, ended, origin, source,
 * text, final, heard, sounded, fresh, cut, confirmed, unsure}; sessions_app/events/turn_state.py says what they are.
 */
export function emptyState(next = 1) {
  return { next, turns: [], seen: [], asked: null, echo: null, over: false }
}

export const UNSAID = {
  ended: null,
  origin: "spoken",
  source: "",
  text: "",
  final: false,
  heard: "",
  sounded: false,
  fresh: false,
  cut: "",
  confirmed: false,
  unsure: null,
}

/** Turns read in the order of their places, and at the same place in the order of their numbers. */
export function inOrder(one, other) {
  return one.place - other.place || one.number - other.number
}

export function isPending(turn) {
  return turn.role === "user" && !turn.final
}

export function isSounding(turn) {
  return turn.role === "avatar" && turn.sounded && turn.ended === null
}

export function isWaiting(turn) {
  return turn.role === "avatar" && !turn.sounded && turn.ended === null
}

export function canBeHeard(turn, at) {
  return isSounding(turn) && (turn.unsure === null || at - turn.unsure < CONFIRM_WITHIN)
}

export function endOf(turn, at) {
  return turn.unsure ?? at
}

/** Whether `whole` begins with `part`, as far as letters and digits go. */
export function begins(whole, part) {
  return plain(whole).startsWith(plain(part))
}

export function plain(text) {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim()
}
