// What was said by whom, and what the avatar is doing now, from the events of a session. Pure: every step
// returns a new conversation, and a turn which did not change stays the same object.
//
// The wire (LiveAvatar, FULL mode events): a user's chunks are cumulative and replace each other; an avatar's
// chunks are words with their own spaces and append; the full text of an avatar's turn may come before, among
// or after its chunks. A sender's packets keep their order, but any of them may be missing or come twice.

const THINKING_LIMIT = 20_000 // ms; without a context nobody answers, and "Thinking" for ever would be a lie
const REMEMBERED = 64 // event ids, to know a repeated event

/** `turns` are earlier ones of the same session: {role, text, at, interrupted}. */
export function begin({ turns = [], pushToTalk = false } = {}) {
  return {
    turns: turns.map((turn, index) => ({ ...turn, id: index + 1, final: true, closed: true, past: true })),
    nextId: turns.length + 1,
    pushToTalk,
    joined: false,
    reconnecting: false,
    ended: false,
    microphone: "off",
    avatarSpeaking: false,
    userSpeaking: false,
    userOpen: false, // speech since the last final text of the user
    answered: false, // the avatar has begun to speak since the user did; the text of the user may come later still
    waitingSince: null, // ms; the user has said something and no answer has begun
    seen: [],
  }
}

/** One event later. `direction`, `type`, `payload`, `at` are those of the site's protocol. */
export function advance(conversation, { direction, type, payload, at }) {
  const rule = RULES[`${direction} ${type}`]
  if (!rule) return conversation
  const id = direction === "in" ? payload.event_id : null
  if (id && conversation.seen.includes(id)) return conversation
  const next = rule(conversation, payload, at)
  return id ? { ...next, seen: [...next.seen, id].slice(-REMEMBERED) } : next
}

/** Connecting, Listening, Thinking, Speaking, Muted, Reconnecting or Ended. `now` is epoch milliseconds. */
export function stateWord(conversation, now) {
  const { ended, reconnecting, joined, avatarSpeaking, userSpeaking, microphone, pushToTalk } = conversation
  if (ended) return "Ended"
  if (reconnecting) return "Reconnecting"
  if (!joined) return "Connecting"
  if (avatarSpeaking) return "Speaking"
  if (userSpeaking) return "Listening"
  if (conversation.waitingSince !== null && now - conversation.waitingSince < THINKING_LIMIT) return "Thinking"
  return microphone === "on" && !pushToTalk ? "Listening" : "Muted"
}

const RULES = {
  "in user.speak_started": (c) => ({
    ...interrupt(c),
    userSpeaking: true,
    userOpen: true,
    answered: false,
    waitingSince: null,
  }),
  "in user.speak_ended": (c) => ({ ...c, userSpeaking: false }),
  "in user.transcription.chunk": userSaidSoFar,
  "in user.transcription": userSaid,
  "in user.push_to_talk_started": (c) => ({
    ...interrupt(c),
    userSpeaking: true,
    userOpen: true,
    answered: false,
    waitingSince: null,
  }),
  "in user.push_to_talk_stopped": (c) => ({ ...c, userSpeaking: false }),
  "out avatar.speak_response": (c, payload, at) => ({
    ...withTurn(c, { role: "user", text: textOf(payload), at, final: true, typed: true }),
    waitingSince: at,
  }),
  "out avatar.speak_text": (c, payload, at) => ({ ...c, waitingSince: at }),
  "out avatar.interrupt": (c) => ({ ...interrupt(c), waitingSince: null }),
  "in avatar.speak_started": avatarStarted,
  "in avatar.transcription.chunk": avatarWord,
  "in avatar.transcription": avatarSaid,
  "in avatar.speak_ended": avatarEnded,
  "in session.stopped": over,
  "page page.first_frame": (c) => ({ ...c, joined: true }),
  "page page.microphone": (c, { state }) => ({ ...c, microphone: state }),
  "page page.reconnecting": (c) => ({ ...c, reconnecting: true }),
  "page page.reconnected": (c) => ({ ...c, reconnecting: false }),
  "page page.avatar_left": (c) => ({ ...c, reconnecting: true }),
  "page page.avatar_returned": (c) => ({ ...c, reconnecting: false }),
  "page page.room_left": over,
  "page page.closed": over,
}

function userSaidSoFar(c, payload, at) {
  const text = textOf(payload)
  const open = c.turns.findLast((turn) => turn.role === "user" && !turn.final)
  if (open) return changed(c, open, { text })
  const last = c.turns.findLast((turn) => turn.role === "user")
  if (!c.userOpen && last && startsWith(last.text, text)) return c // a chunk overtaken by its final text
  return { ...withTurn(c, { role: "user", text, at, final: false }), userOpen: true }
}

function userSaid(c, payload, at) {
  const text = textOf(payload)
  const waitingSince = c.answered ? c.waitingSince : at
  const heard = { ...c, userSpeaking: false, userOpen: false, answered: false, waitingSince }
  const open = c.turns.findLast((turn) => turn.role === "user" && !turn.final)
  if (!text) return { ...heard, turns: c.turns.filter((turn) => turn !== open), waitingSince: c.waitingSince }
  if (open) return changed(heard, open, { text, final: true })
  const last = c.turns.at(-1)
  if (!c.userOpen && last?.role === "user" && last.text === text) return c // said once, reported twice
  return withTurn(heard, { role: "user", text, at, final: true })
}

function avatarStarted(c, payload) {
  const source = payload.source_event_id ?? null
  const speaking = current(c, null)
  const missedItsEnd = c.avatarSpeaking && speaking && !(source && speaking.source === source)
  const next = missedItsEnd ? changed(c, speaking, { closed: true }) : c
  return { ...next, avatarSpeaking: true, answered: true, waitingSince: null }
}

function avatarWord(c, payload, at) {
  const word = textOf(payload)
  const source = payload.source_event_id ?? null
  const turn = current(c, source) ?? overtaken(c, source, word)
  if (turn) return changed(c, turn, { heard: turn.heard + word })
  return withTurn(c, { role: "avatar", heard: word, full: null, at, source })
}

function avatarSaid(c, payload, at) {
  const full = textOf(payload)
  const source = payload.source_event_id ?? null
  if (!full) return c
  const open = c.turns.filter((turn) => turn.role === "avatar" && !turn.closed && sameSource(turn, source))
  if (open.some((turn) => turn.full === full)) return c
  const turn = open.find((each) => each.full === null) ?? unfinished(c, source, full)
  if (turn) return changed(c, turn, { full })
  return withTurn(c, { role: "avatar", heard: "", full, at, source })
}

function avatarEnded(c, payload) {
  const turn = current(c, payload.source_event_id ?? null)
  const silent = { ...c, avatarSpeaking: false }
  return turn ? changed(silent, turn, { closed: true }) : silent
}

/** Cut what the avatar says now, and drop what it was still going to say, as the service does. */
function interrupt(c) {
  if (!c.avatarSpeaking) return c
  const cut = (turn) => turn.role === "avatar" && !turn.closed
  return { ...c, turns: c.turns.map((turn) => (cut(turn) ? shaped({ ...turn, interrupted: true }) : turn)) }
}

function over(c) {
  const settled = (turn) => (turn.final && turn.closed ? turn : shaped({ ...turn, final: true, closed: true }))
  return { ...c, turns: c.turns.map(settled), ended: true, avatarSpeaking: false, userSpeaking: false, waitingSince: null }
}

/** The avatar's turn which is being spoken: the oldest that has not ended. */
function current(c, source) {
  return c.turns.find((turn) => turn.role === "avatar" && !turn.closed && sameSource(turn, source))
}

/** The avatar's last turn, if it has ended and this word still belongs to it. */
function overtaken(c, source, word) {
  const last = c.turns.findLast((turn) => turn.role === "avatar" && !turn.past)
  if (!last || c.avatarSpeaking) return undefined
  // Without a full text it was cut short; what follows is the last of it, for a new utterance begins with its start.
  const continues = last.full === null || startsWith(last.full, last.heard + word)
  return continues || (source && last.source === source) ? last : undefined
}

/** The avatar's last turn, if it has ended and this is the full text which it still lacks. */
function unfinished(c, source, full) {
  const last = c.turns.findLast((turn) => turn.role === "avatar" && !turn.past)
  if (!last || last.full !== null) return undefined
  return startsWith(full, last.heard) || (source && last.source === source) ? last : undefined
}

function sameSource(turn, source) {
  return !source || !turn.source || turn.source === source
}

function withTurn(c, turn) {
  const whole = shaped({ id: c.nextId, interrupted: false, closed: turn.role === "user", ...turn })
  return { ...c, nextId: c.nextId + 1, turns: [...c.turns, whole] }
}

function changed(c, turn, change) {
  const whole = shaped({ ...turn, ...change })
  return { ...c, turns: c.turns.map((each) => (each === turn ? whole : each)) }
}

/** An avatar's turn shows its full text, but when it was cut short only what could be heard. */
function shaped(turn) {
  if (turn.role !== "avatar" || turn.past) return turn
  const heard = turn.heard.trim()
  const text = turn.interrupted && heard ? heard : (turn.full ?? heard)
  return { ...turn, text, final: turn.full !== null || turn.closed }
}

function textOf(payload) {
  return typeof payload.text === "string" ? payload.text : ""
}

function startsWith(whole, part) {
  return plain(whole).startsWith(plain(part))
}

function plain(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim()
}
