import assert from "node:assert/strict"
import { test } from "node:test"
import { advance, begin, stateWord } from "../../static/js/conversation/conversation.js"

/** Events as short tuples: "in type text", with an optional source or event id. */
function told(events, options) {
  let at = 1_000
  return events.reduce((conversation, [direction, type, payload = {}]) => {
    const whole = typeof payload === "string" ? { text: payload } : payload
    return advance(conversation, { direction, type, payload: whole, at: ++at })
  }, begin(options))
}

const started = ["in", "avatar.speak_started"]
const ended = ["in", "avatar.speak_ended"]
const chunk = (text, source) => ["in", "avatar.transcription.chunk", { text, source_event_id: source }]
const full = (text, source) => ["in", "avatar.transcription", { text, source_event_id: source }]
const userChunk = (text) => ["in", "user.transcription.chunk", text]
const userFull = (text) => ["in", "user.transcription", text]
const userStarted = ["in", "user.speak_started"]
const userEnded = ["in", "user.speak_ended"]
const joined = ["page", "page.first_frame"]
const microphone = (state) => ["page", "page.microphone", { state }]

const lines = ({ turns }) =>
  turns.map((turn) => `${turn.role}: ${turn.text}${turn.final ? "" : "…"}${turn.interrupted ? " [cut]" : ""}`)

const turns = [
  ["an avatar's chunks append as they are", [started, chunk("Good"), chunk(" day.")], ["avatar: Good day.…"]],
  [
    "the full text after the chunks replaces them",
    [started, chunk("Good"), chunk(" day"), full("Good day."), ended],
    ["avatar: Good day."],
  ],
  [
    "the full text before the chunks is not said twice",
    [started, full("Good day."), chunk("Good"), chunk(" day."), ended],
    ["avatar: Good day."],
  ],
  [
    "the full text before the voice begins is the same turn",
    [full("Good day."), started, chunk("Good"), chunk(" day."), ended],
    ["avatar: Good day."],
  ],
  [
    "the full text after the end of the voice completes the turn",
    [started, chunk("Good"), chunk(" day"), ended, full("Good day.")],
    ["avatar: Good day."],
  ],
  [
    "the last words of an answer that was cut short may come after its end",
    [started, chunk("Good"), chunk(" day"), ended, chunk(" to"), full("Good day to"), started, chunk("Yes?")],
    ["avatar: Good day to", "avatar: Yes?…"],
  ],
  [
    "a chunk overtaken by the end of the voice is not a new turn",
    [started, full("Good day."), chunk("Good"), ended, chunk(" day.")],
    ["avatar: Good day."],
  ],
  [
    "two answers are two turns",
    [started, full("One."), chunk("One."), ended, started, chunk("Two."), ended],
    ["avatar: One.", "avatar: Two."],
  ],
  [
    "two answers with the same words are two turns",
    [started, full("Yes."), chunk("Yes."), ended, started, chunk("Yes."), full("Yes."), ended],
    ["avatar: Yes.", "avatar: Yes."],
  ],
  [
    "a queued answer waits behind the one being spoken",
    [started, full("One."), full("Two."), chunk("One."), ended, started, chunk("Two."), ended],
    ["avatar: One.", "avatar: Two."],
  ],
  [
    "the causing command tells queued answers apart",
    [full("One.", "a"), full("Two.", "b"), chunk("Two.", "b"), chunk("One.", "a")],
    ["avatar: One.", "avatar: Two."],
  ],
  [
    "a missed end of the voice does not glue two answers together",
    [started, chunk("One."), started, chunk("Two."), ended],
    ["avatar: One.", "avatar: Two."],
  ],
  ["a missed begin of the voice loses no words", [chunk("One."), ended], ["avatar: One."]],
  [
    "an interrupted answer shows what was heard of it",
    [started, full("One two three."), chunk("One"), ["out", "avatar.interrupt"], ended],
    ["avatar: One [cut]"],
  ],
  [
    "speech of the user over the avatar cuts it",
    [started, chunk("One"), userStarted, ended, full("One two three.")],
    ["avatar: One [cut]"],
  ],
  [
    "an interrupt while the avatar is silent cuts nothing",
    [started, chunk("One."), ended, ["out", "avatar.interrupt"]],
    ["avatar: One."],
  ],
  [
    "the answer after an interrupt is whole again",
    [started, chunk("One"), ["out", "avatar.interrupt"], ended, started, chunk("Two."), full("Two."), ended],
    ["avatar: One [cut]", "avatar: Two."],
  ],
  ["a user's chunks replace each other", [userChunk("good"), userChunk("good day")], ["user: good day…"]],
  ["the final text replaces a user's chunks", [userChunk("good"), userFull("Good day.")], ["user: Good day."]],
  [
    "a chunk after its final text is not said twice",
    [userStarted, userChunk("good"), userFull("Good day."), userChunk("good day")],
    ["user: Good day."],
  ],
  [
    "the next speech of the user is a new turn, even with the same words",
    [userStarted, userFull("Yes."), userEnded, userStarted, userChunk("yes"), userFull("Yes.")],
    ["user: Yes.", "user: Yes."],
  ],
  ["a final text reported twice is one turn", [userStarted, userFull("Yes."), userFull("Yes.")], ["user: Yes."]],
  ["noise that turned out to be no words leaves no turn", [userChunk("m"), userFull("")], []],
  ["what was typed is the user's turn", [["out", "avatar.speak_response", "Hello"]], ["user: Hello"]],
  [
    "what is to be said exactly is the avatar's turn only",
    [["out", "avatar.speak_text", "Hello"], started, full("Hello"), ended],
    ["avatar: Hello"],
  ],
  [
    "an event that comes twice counts once",
    [
      ["in", "avatar.transcription.chunk", { event_id: "e1", text: "Good" }],
      ["in", "avatar.transcription.chunk", { event_id: "e1", text: "Good" }],
    ],
    ["avatar: Good…"],
  ],
  [
    "unknown and malformed events change nothing",
    [
      ["in", "novel.event"],
      ["in", "avatar.transcription", { text: 7 }],
      ["in", "user.transcription.chunk", "hi"],
    ],
    ["user: hi…"],
  ],
  [
    "the end of the session settles what was still open",
    [userChunk("good d"), started, chunk("One"), ["in", "session.stopped"]],
    ["user: good d", "avatar: One [cut]"],
  ],
]

for (const [sentence, events, expected] of turns) {
  test(sentence, () => {
    assert.deepEqual(lines(told(events)), expected)
  })
}

const on = microphone("on")
const states = [
  ["before the first picture", [], "Connecting"],
  ["with the first picture and a microphone", [on, joined], "Listening"],
  ["with a denied microphone", [joined, microphone("denied")], "Muted"],
  ["while muted", [joined, on, microphone("muted")], "Muted"],
  ["while the avatar's voice sounds", [joined, on, started], "Speaking"],
  ["while the avatar's voice sounds and the microphone is muted", [joined, microphone("muted"), started], "Speaking"],
  ["after the avatar's voice", [joined, on, started, ended], "Listening"],
  ["after the user's words", [joined, on, userStarted, userEnded, userFull("Hello")], "Thinking"],
  ["when the user speaks on", [joined, on, userFull("Hello"), userStarted], "Listening"],
  ["after a typed question", [joined, microphone("muted"), ["out", "avatar.speak_response", "Hello"]], "Thinking"],
  ["after an interrupt of the thinking", [joined, on, userFull("Hello"), ["out", "avatar.interrupt"]], "Listening"],
  ["when noise was no words", [joined, on, userStarted, userEnded, userFull("")], "Listening"],
  ["while the room is being restored", [joined, on, started, ["page", "page.reconnecting"]], "Reconnecting"],
  ["when the room is back", [joined, on, ["page", "page.reconnecting"], ["page", "page.reconnected"]], "Listening"],
  ["when the service stopped", [joined, on, started, ["in", "session.stopped"]], "Ended"],
  ["after the room was left", [joined, on, ["page", "page.room_left"]], "Ended"],
]

for (const [moment, events, word] of states) {
  test(`${moment} the state is ${word}`, () => {
    assert.equal(stateWord(told(events), 2_000), word)
  })
}

test("a session with push to talk listens only while the window is open", () => {
  const held = [joined, on, ["in", "user.push_to_talk_started"]]
  const open = told(held, { pushToTalk: true })
  const closed = told([...held, ["in", "user.push_to_talk_stopped"]], { pushToTalk: true })

  assert.equal(stateWord(open, 2_000), "Listening")
  assert.equal(stateWord(closed, 2_000), "Muted")
})

test("holding the talk button cuts the avatar short", () => {
  const conversation = told([started, chunk("One "), ["in", "user.push_to_talk_started"], full("One"), ended], {
    pushToTalk: true,
  })

  assert.deepEqual(lines(conversation), ["avatar: One [cut]"])
})

test("a text of the user that comes after the answer began leaves nothing awaited", () => {
  const asked = [joined, microphone("on"), userStarted, userChunk("good"), userEnded]

  const waiting = told([...asked, userFull("Good day.")])
  const answered = told([...asked, started, userFull("Good day."), chunk("Hello."), ended])
  const interrupted = told([joined, microphone("on"), started, chunk("I"), userStarted, ended, userFull("Stop.")])

  assert.equal(stateWord(waiting, 2_000), "Thinking")
  assert.equal(stateWord(answered, 2_000), "Listening")
  assert.equal(stateWord(interrupted, 2_000), "Thinking")
})

test("thinking that leads to nothing stops after twenty seconds", () => {
  const conversation = told([joined, on, userFull("Hello")])

  assert.equal(stateWord(conversation, 1_003 + 19_999), "Thinking")
  assert.equal(stateWord(conversation, 1_003 + 20_000), "Listening")
})

test("earlier turns stay as they were and new ones follow", () => {
  const earlier = [{ role: "avatar", text: "Welcome.", at: 5, interrupted: true }]

  const conversation = told([["in", "avatar.interrupt"], started, chunk("Again."), ended], { turns: earlier })

  assert.deepEqual(lines(conversation), ["avatar: Welcome. [cut]", "avatar: Again."])
  assert.deepEqual(
    conversation.turns.map((turn) => turn.id),
    [1, 2],
  )
})

test("a turn that did not change stays the same object", () => {
  const before = told([started, full("One."), chunk("One."), ended])

  const after = advance(before, { direction: "out", type: "avatar.speak_response", payload: { text: "x" }, at: 9 })

  assert.equal(after.turns[0], before.turns[0])
})

test("speech of the user that is told once more later does not begin again", () => {
  const spoke = ["in", "user.speak_started", { event_id: "1" }]

  const conversation = told([joined, on, spoke, userEnded, userFull("Hello"), spoke])

  assert.equal(stateWord(conversation, 2_000), "Thinking")
})

test("a page that leaves the room settles what was open, for itself", () => {
  const conversation = told([
    joined,
    on,
    userStarted,
    userChunk("good d"),
    started,
    chunk("One"),
    ["page", "page.room_left"],
  ])

  assert.deepEqual(lines(conversation), ["user: good d", "avatar: One [cut]"])
  assert.deepEqual(
    conversation.turns.map((turn) => turn.closed),
    [true, true],
  )
})

test("of several answers the one that is heard is known", () => {
  const conversation = told([
    full("One.", "a"),
    full("Two.", "b"),
    ["in", "avatar.speak_started", { source_event_id: "a" }],
  ])

  assert.deepEqual(
    conversation.turns.map((turn) => turn.sounding),
    [true, false],
  )
})

test("a page that is loaded again goes on with the turns of the site", () => {
  const before = told([["out", "avatar.speak_response", "Hi"], ["in", "avatar.speak_started"], chunk("One")])
  const rows = before.turns.map(({ number, place, role, text, at, interrupted }) => ({
    number,
    place,
    role,
    text,
    at,
    interrupted,
  }))

  const after = told([chunk(" two."), full("One two."), ended], { turns: rows, state: before.state })

  assert.deepEqual(lines(after), ["user: Hi", "avatar: One two."])
  assert.equal(after.turns[0].id, before.turns[0].id)
})

test("turns of a session whose state is not known get numbers behind the earlier ones", () => {
  const earlier = [
    { number: 1, place: 1, role: "avatar", text: "Welcome.", at: 5, interrupted: false },
    { number: 3, place: 3, role: "user", text: "Hello.", at: 6, interrupted: false },
  ]

  const conversation = told([started, chunk("Again.")], { turns: earlier })

  assert.deepEqual(
    conversation.turns.map((turn) => turn.id),
    [1, 3, 4],
  )
})
