// Events of a session become its turns. Pure: every step returns a new state, and a turn that did not change stays
// the same object.
//
// docs/protocol.md, "Turns", defines what a turn is. sessions_app/events/reducer.py is the same algorithm with the same
// state, function by function; the cases in tests/cases/turns run in both.

import { begins, canBeHeard, endOf, inOrder, isPending, isSounding, isWaiting, plain, UNSAID } from "./turn_state.js"

const SEEN_KEPT = 256 // event ids
const TURNS_KEPT = 12 // ended turns beyond these are let go: no event changes them any more
const MOST_OPEN = 64 // turns; the simulator queues as many texts
const LONGEST_HEARD = 20_000 // characters; what an endless answer says beyond them is in the events only

/** One event later: the new state, and the turns that are new or changed, as a Map by number. */
export function reduce(state, { direction, type, payload, at }) {
  const rule = RULES[`${direction} ${type}`]
  const draft = { ...state, turns: [...state.turns], changed: new Map() }
  if (!rule) return { state, changed: draft.changed, repeated: false }
  if (isRepeat(draft, type, payload)) return { state, changed: draft.changed, repeated: true }
  rule(draft, payload, at)
  if (draft.over) settle(draft, at)
  letGo(draft, at)
  const { changed, ...after } = draft
  return { state: after, changed, repeated: false }
}

/** Whether the avatar can be heard at that moment. */
export function isHeard(state, at) {
  return state.turns.some((turn) => canBeHeard(turn, at))
}

// What the visitor does.

function userStarted(draft, _payload, at) {
  interrupt(draft, at)
  const speaking = of(draft, "user").filter((turn) => turn.ended === null)
  const last = speaking.at(-1)
  if (last && isPending(last) && !last.text) return // a repeat
  for (const turn of speaking) change(draft, turn, { ended: at })
  open(draft, { role: "user", began: at })
}

function userSaidSoFar(draft, payload, at) {
  const text = textOf(payload)
  if (text === null) return
  const waiting = pending(draft)
  const echo = echoText(draft)
  if (waiting.length === 0 && (!text || (echo && begins(echo, text)))) return // overtaken by its final text
  change(draft, waiting.at(-1) ?? open(draft, { role: "user", began: at }), { text })
}

function userSaid(draft, payload, at) {
  const text = textOf(payload)
  if (text === null) return
  const waiting = pending(draft)
  const turn = awaited(waiting)
  if (turn && !text) {
    remove(draft, turn) // the recogniser takes its words back
  } else if (turn) {
    for (const noise of waiting) if (noise.number < turn.number && !noise.text) remove(draft, noise)
    understood(draft, turn, text, at)
  } else if (text && text !== echoText(draft)) {
    understood(draft, open(draft, { role: "user", began: at, ended: at }, answering(draft)), text, at)
  }
}

function userEnded(draft, _payload, at) {
  for (const turn of of(draft, "user")) if (turn.ended === null) change(draft, turn, { ended: at })
}

function userTyped(draft, payload, at) {
  const text = textOf(payload)
  if (!text) return
  const typed = { role: "user", began: at, ended: at, origin: "typed", text, final: true }
  ask(draft, open(draft, typed, answer(draft, idOf(payload.event_id))), at)
  draft.echo = null
}

function speechAsked(draft, _payload, at) {
  draft.asked = at
}

function interruptAsked(draft, _payload, at) {
  interrupt(draft, at)
  draft.asked = null
}

function windowOpened(draft, _payload, at) {
  interrupt(draft, at)
}

// What the avatar does.

function avatarStarted(draft, payload, at) {
  const source = sourceOf(payload)
  const turn = answer(draft, source) ?? starting(draft, source) ?? open(draft, { role: "avatar", began: at })
  start(draft, adopt(draft, turn, source), at)
}

function avatarWord(draft, payload, at) {
  const word = textOf(payload)
  const source = sourceOf(payload)
  if (!word) return
  const known = answer(draft, source) ?? (source ? null : speakerOf(draft, word))
  let turn = adopt(draft, known ?? open(draft, { role: "avatar", began: at }), source)
  const isLate = turn.ended !== null && (turn.sounded || turn.cut)
  if (!isLate && !isSounding(turn)) turn = start(draft, turn, at)
  const heard = turn.heard.length < LONGEST_HEARD ? turn.heard + word : turn.heard
  change(draft, turn, { fresh: false, unsure: null, heard })
}

function avatarSaid(draft, payload, at) {
  const text = textOf(payload)
  const source = sourceOf(payload)
  if (!text) return
  let turn = answer(draft, source) ?? (source ? null : authorOf(draft, text))
  if (!turn) {
    const isSilent = !plain(text) // nothing in it can be spoken
    turn = open(draft, { role: "avatar", began: at, ended: isSilent ? at : null })
    if (isSilent) draft.asked = null
  }
  change(draft, adopt(draft, turn, source), { text, final: true, fresh: false })
}

function avatarEnded(draft, payload, at) {
  const source = sourceOf(payload)
  const known = answer(draft, source) ?? ending(draft, source)
  if (!known) return
  const turn = adopt(draft, known, source)
  if (turn.ended === null) change(draft, turn, { ended: at, sounded: true })
  else if (turn.cut === "lost") change(draft, turn, { cut: "" })
}

/** Take our agent's report on an answer as final: it knows the words heard, and whether they were all. */
function answered(draft, { heard, interrupted, source_event_id }, at) {
  const source = idOf(source_event_id)
  if (typeof heard !== "string") return
  const known = answer(draft, source) ?? (source ? null : answerHeardAs(draft, heard))
  if (!known && !(source && heard)) return
  let turn = known ?? open(draft, { role: "avatar", began: at, source })
  turn = change(draft, turn, { confirmed: true, heard, cut: interrupted === true ? "cut" : "" })
  if (heard && !turn.cut && !turn.final) turn = change(draft, turn, { text: heard.trim(), final: true })
  if (!(heard && turn.sounded)) change(draft, turn, { sounded: Boolean(heard), ended: turn.ended ?? at })
}

/** Resume the answer that our agent had paused. */
function falseInterruption(draft, { resumed }, at) {
  if (resumed !== true) return
  const speaking = sounding(draft)
  const paused = heardLast(draft)
  const isNew = speaking?.fresh && !(speaking.source || speaking.text || speaking.heard)
  if (speaking && !isNew) {
    change(draft, speaking, { cut: "" })
  } else if (paused?.cut) {
    if (speaking) remove(draft, speaking)
    start(draft, paused, at)
  }
}

// What happens to the session.

/** A page that was loaded in the middle of an answer may have missed its end. */
function pageJoined(draft, _payload, at) {
  const turn = sounding(draft)
  if (turn) change(draft, turn, { unsure: at })
}

function reporterGone(draft, _payload, at) {
  settle(draft, at)
}

function ended(draft) {
  draft.over = true // `reduce` settles the turns, after this event and all that follow
}

const RULES = {
  "in user.speak_started": userStarted,
  "in user.transcription.chunk": userSaidSoFar,
  "in user.transcription": userSaid,
  "in user.speak_ended": userEnded,
  "in user.push_to_talk_started": windowOpened,
  "out avatar.speak_response": userTyped,
  "out avatar.speak_text": speechAsked,
  "out avatar.interrupt": interruptAsked,
  "in avatar.speak_started": avatarStarted,
  "in avatar.transcription.chunk": avatarWord,
  "in avatar.transcription": avatarSaid,
  "in avatar.speak_ended": avatarEnded,
  "in agent.answered": answered,
  "in agent.false_interruption": falseInterruption,
  "page page.room_joined": pageJoined,
  "in session.stopped": ended,
  "site session.ended": ended,
  "site agent.arrived": reporterGone,
  "site agent.replaced": reporterGone,
}

// Which turn an event belongs to.

function of(draft, role) {
  return draft.turns.filter((turn) => turn.role === role)
}

/** The visitor's speech without a final text; once the session is over, lost speech too. */
function pending(draft) {
  return draft.turns.filter((turn) => isPending(turn) && (!turn.cut || draft.over))
}

/** The speech a final text belongs to: the oldest with words so far, else the one that ended last. */
function awaited(waiting) {
  return waiting.find((turn) => turn.text) ?? waiting.findLast((turn) => turn.ended !== null) ?? waiting.at(-1)
}

function echoText(draft) {
  return draft.turns.find((turn) => turn.number === draft.echo)?.text ?? ""
}

function answer(draft, source) {
  return source ? of(draft, "avatar").findLast((turn) => turn.source === source) : undefined
}

function sounding(draft) {
  return draft.turns.findLast(isSounding)
}

/** The answer that sounds uninterrupted: a final text of unannounced speech was spoken before it. */
function answering(draft) {
  const turn = sounding(draft)
  return turn?.cut ? undefined : turn
}

/** The answer that ended last, as far as it was heard. */
function heardLast(draft) {
  return of(draft, "avatar").findLast((turn) => turn.sounded && turn.ended !== null)
}

/** The answer that begins to sound now, if it is known already. */
function starting(draft, source) {
  const speaking = sounding(draft)
  if (speaking?.fresh && !source) return speaking // a repeat
  const waiting = draft.turns.find((turn) => isWaiting(turn) && (!source || !turn.source))
  if (waiting) return waiting
  if (source || draft.asked !== null) return undefined
  const last = draft.turns.at(-1)
  const isSilent = last?.role === "avatar" && !last.sounded && !last.cut
  return isSilent ? last : undefined
}

/** The answer a word without a source belongs to. */
function speakerOf(draft, word) {
  const speaking = sounding(draft)
  if (speaking) return speaking
  const last = heardLast(draft)
  const waiting = draft.turns.find(isWaiting)
  if (last && draft.asked === null) {
    const isLate = last.final ? begins(last.text, last.heard + word) : !waiting
    if (isLate) return last
  }
  return waiting
}

/** The answer a whole text without a source belongs to. */
function authorOf(draft, text) {
  const speaking = sounding(draft)
  const last = heardLast(draft)
  const isAnswered = draft.asked === null
  if (speaking && !speaking.final) return speaking
  if (last && !last.final) {
    const isLate = plain(last.heard) ? begins(text, last.heard) : isAnswered
    if (isLate) return last
  }
  const isRecent = (turn) => turn.ended === null || (isAnswered && (turn === last || !turn.sounded))
  return of(draft, "avatar").find((turn) => isRecent(turn) && turn.text === text) // a repeat
}

function ending(draft, source) {
  const speaking = sounding(draft)
  if (speaking) return !source || !speaking.source ? speaking : undefined
  const waiting = draft.turns.find((turn) => isWaiting(turn) && (!source || !turn.source))
  return waiting ?? (draft.over && !source ? heardLast(draft) : undefined)
}

/** The answer our agent reports on: the first that begins with these words and was not dropped. */
function answerHeardAs(draft, words) {
  const unconfirmed = of(draft, "avatar").filter((turn) => !turn.confirmed && (turn.sounded || !turn.cut))
  const match = plain(words) ? unconfirmed.find((turn) => begins(turn.text || turn.heard, words)) : undefined
  return match ?? unconfirmed.findLast((turn) => turn.sounded) ?? unconfirmed.at(-1)
}

// Changes. Each returns the turn as it is afterwards.

function isRepeat(draft, type, payload) {
  const id = idOf(payload.event_id)
  if (!id) return false
  const name = `${type} ${id}`
  if (draft.seen.includes(name)) return true
  draft.seen = [...draft.seen, name].slice(-SEEN_KEPT)
  return false
}

function open(draft, members, before) {
  const number = draft.next++
  const turn = { ...UNSAID, number, place: before ? before.place - 1 : number, ...members }
  draft.turns.push(turn)
  draft.changed.set(number, turn)
  return turn
}

function change(draft, turn, members) {
  const after = { ...turn, ...members }
  const index = draft.turns.indexOf(turn)
  if (index >= 0) draft.turns[index] = after
  draft.changed.set(after.number, after)
  return after
}

function remove(draft, turn) {
  const after = change(draft, turn, { text: "", heard: "" })
  draft.turns = draft.turns.filter((each) => each !== after)
}

function adopt(draft, turn, source) {
  return source && !turn.source ? change(draft, turn, { source }) : turn
}

function understood(draft, turn, text, at) {
  const after = change(draft, turn, { text, final: true })
  draft.echo = after.number
  ask(draft, after, at)
}

/** Wait for an answer to the visitor's turn, unless one that sounded stands behind it. */
function ask(draft, turn, at) {
  const isAnswered = of(draft, "avatar").some((each) => each.sounded && inOrder(each, turn) > 0)
  if (!isAnswered) draft.asked = at
}

/** Let the answer sound: it begins, or is resumed. */
function start(draft, turn, at) {
  for (const other of of(draft, "avatar")) {
    if (isSounding(other) && other !== turn) change(draft, other, { ended: endOf(other, at) }) // its end was missed
  }
  draft.asked = draft.echo = null
  const began = turn.sounded ? turn.began : at
  return change(draft, turn, {
    began,
    sounded: true,
    fresh: true,
    ended: null,
    unsure: null,
    cut: "",
    confirmed: false,
  })
}

/** Cut the answer that sounds and drop those that wait, as the service does. */
function interrupt(draft, at) {
  for (const turn of of(draft, "avatar")) {
    if (turn.ended !== null || turn.confirmed) continue
    if (isWaiting(turn)) change(draft, turn, { cut: "cut", ended: at })
    else if (canBeHeard(turn, at)) change(draft, turn, { cut: "cut" })
    else change(draft, turn, { ended: endOf(turn, at) })
  }
}

/** Close what is open: its end will not be reported. */
function settle(draft, at) {
  for (const turn of [...draft.turns]) {
    if (isPending(turn) && !turn.text) remove(draft, turn)
    else if (turn.ended === null || (isPending(turn) && !turn.cut)) {
      const isCut = turn.role === "avatar" && !turn.confirmed && (isWaiting(turn) || canBeHeard(turn, at))
      const cut = isPending(turn) || isCut ? turn.cut || "lost" : turn.cut
      change(draft, turn, { cut, ended: turn.ended ?? endOf(turn, at) })
    }
  }
  draft.asked = null
}

function letGo(draft, at) {
  const [oldest] = draft.turns
  if (draft.turns.length > MOST_OPEN && oldest.ended === null) change(draft, oldest, { ended: endOf(oldest, at) })
  while (draft.turns.length > TURNS_KEPT) {
    const old = draft.turns.findIndex((turn) => turn.ended !== null)
    if (old < 0) return
    draft.turns.splice(old, 1)
  }
}

function textOf({ text }) {
  return typeof text === "string" ? text : null
}

function sourceOf(payload) {
  return idOf(payload.source_event_id)
}

/** An id as far as it is one: 1 to 64 printable ASCII characters. */
function idOf(value) {
  return typeof value === "string" && /^[\x21-\x7e]{1,64}$/.test(value) ? value : ""
}
