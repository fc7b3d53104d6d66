// What the page shows of a conversation: the turns, and what the avatar is doing now. Pure: every step returns a new
// conversation, and a turn that did not change stays the same object. Who said what is decided in turns.js.

import { emptyState, inOrder } from "./turn_state.js"
import { isHeard, reduce } from "./turns.js"

const THINKING_LIMIT = 20_000 // ms; without a context no answer comes, and "Thinking" for ever would be a lie

/**
 * `turns` are earlier ones of the same session, {number, place, role, text, at, interrupted}; `state` is what the site
 * knows of those that were still open when the page was loaded.
 */
export function begin({ turns = [], state = null, pushToTalk = false } = {}) {
  const earlier = turns.map(({ number, place, ...turn }, index) => {
    const id = number ?? index + 1
    return { ...turn, id, number: id, place: place ?? id, final: true, closed: true }
  })
  const reduced = state ?? emptyState(Math.max(0, ...earlier.map(({ id }) => id)) + 1)
  return {
    state: reduced,
    turns: withTurns(earlier, reduced.turns),
    pushToTalk,
    joined: false,
    reconnecting: false,
    ended: false,
    microphone: "off",
    userSpeaking: false,
    userSpokeAt: 0, // ms; a question before it is no longer shown as awaited
  }
}

/** One event later. `direction`, `type`, `payload`, `at` are those of the site's protocol. */
export function advance(conversation, event) {
  const name = `${event.direction} ${event.type}`
  const show = VIEW[name]
  const reported = LEAVING.has(name) ? { ...event, ...SESSION_ENDED } : event
  const { state, changed, repeated } = reduce(conversation.state, reported)
  if (repeated || (state === conversation.state && !show)) return conversation
  const turns = changed.size > 0 ? withTurns(conversation.turns, changed.values()) : conversation.turns
  return { ...conversation, state, turns, ...show?.(event) }
}

/** Connecting, Listening, Thinking, Speaking, Muted, Reconnecting or Ended. `now` is epoch milliseconds. */
export function stateWord(conversation, now) {
  const { ended, reconnecting, joined, userSpeaking, microphone, pushToTalk } = conversation
  if (ended) return "Ended"
  if (reconnecting) return "Reconnecting"
  if (!joined) return "Connecting"
  if (isSpeaking(conversation, now)) return "Speaking"
  if (userSpeaking) return "Listening"
  if (isAwaited(conversation, now)) return "Thinking"
  return microphone === "on" && !pushToTalk ? "Listening" : "Muted"
}

/** Whether the avatar is heard. */
export function isSpeaking({ state, ended }, now) {
  return !ended && isHeard(state, now)
}

function isAwaited({ state: { asked }, userSpokeAt }, now) {
  return asked !== null && asked >= userSpokeAt && now - asked < THINKING_LIMIT
}

// A page that leaves the room hears no more of the conversation, although another page may.
const LEAVING = new Set(["page page.room_left", "page page.closed"])
const SESSION_ENDED = { direction: "site", type: "session.ended" }

const speaks = ({ at }) => ({ userSpeaking: true, userSpokeAt: at })
const isSilent = () => ({ userSpeaking: false })
const isOver = () => ({ ended: true, userSpeaking: false })

const VIEW = {
  "in user.speak_started": speaks,
  "in user.push_to_talk_started": speaks,
  "in user.speak_ended": isSilent,
  "in user.push_to_talk_stopped": isSilent,
  "in user.transcription": isSilent,
  "in session.stopped": isOver,
  "page page.first_frame": () => ({ joined: true }),
  "page page.microphone": ({ payload }) => ({ microphone: payload.state }),
  "page page.reconnecting": () => ({ reconnecting: true }),
  "page page.reconnected": () => ({ reconnecting: false }),
  "page page.avatar_left": () => ({ reconnecting: true }),
  "page page.avatar_returned": () => ({ reconnecting: false }),
  "page page.room_left": isOver,
  "page page.closed": isOver,
}

/** The shown turns with these in them: new ones where they belong, and without those that have no words. */
function withTurns(shown, turns) {
  const known = new Map(shown.map((turn) => [turn.id, turn]))
  for (const turn of turns) {
    if (turn.text || turn.heard) known.set(turn.number, shownAs(turn))
    else known.delete(turn.number)
  }
  return [...known.values()].sort(inOrder)
}

function shownAs({ number, place, role, origin, began, ended, text, final, heard, sounded, cut }) {
  const common = { id: number, number, place, role, at: began }
  if (role === "user") {
    return { ...common, text, final: final || cut !== "", closed: true, interrupted: false, typed: origin === "typed" }
  }
  const words = heard.trim()
  const closed = ended !== null
  return {
    ...common,
    text: cut && (words || !sounded) ? words : text || words,
    heard,
    final: final || closed,
    closed,
    sounding: sounded && !closed,
    interrupted: cut !== "",
  }
}
