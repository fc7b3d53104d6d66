import assert from "node:assert/strict"
import { beforeEach, test } from "node:test"
import { Commands } from "../../static/js/call/commands.js"

let sent
let recorded
let room
let isOpen
let commands

beforeEach(() => {
  sent = []
  recorded = []
  isOpen = true
  room = { send: async (message) => sent.push(message) }
  const journal = {
    recordMessage: (direction, { event_type: type }) => recorded.push(`${direction} ${type}`),
    recordPageEvent: (type, { code }) => recorded.push(`${type} ${code}`),
  }
  commands = new Commands({ room, journal, isOpen: () => isOpen })
})

test("a command is published with an id of its own, and recorded", async () => {
  assert.equal(await commands.ask("Hello"), true)

  const [{ event_id: id, ...command }] = sent
  assert.deepEqual(command, { event_type: "avatar.speak_response", text: "Hello" })
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual(recorded, ["out avatar.speak_response"])
})

test("say and interrupt have commands of their own", async () => {
  await commands.say("Good day.")
  await commands.interrupt()

  assert.deepEqual(
    sent.map(({ event_type: type, text }) => [type, text]),
    [
      ["avatar.speak_text", "Good day."],
      ["avatar.interrupt", undefined],
    ],
  )
})

test("a command that cannot be sent is recorded as an error, and not as said", async () => {
  room.send = async () => {
    throw new Error("data channel closed")
  }

  assert.equal(await commands.ask("Lost"), false)
  assert.deepEqual(recorded, ["page.error command.unsent"])
})

test("nothing is sent or recorded once the call is over", async () => {
  isOpen = false

  assert.equal(await commands.interrupt(), false)
  assert.deepEqual([sent, recorded], [[], []])
})
