import assert from "node:assert/strict"
import { test } from "node:test"
import { Microphone } from "../../static/js/room/microphone.js"

function microphoneIn(answers) {
  const room = { muted: 0, openMicrophone: async () => answers.shift(), muteMicrophone: async () => room.muted++ }
  const microphone = new Microphone(room)
  const states = []
  microphone.onState = (state) => states.push(state)
  return { microphone, room, states }
}

test("a mute pressed while the browser still asks comes after the answer", async () => {
  const { microphone, states } = microphoneIn(["on"])

  const opening = microphone.open()
  await microphone.mute()
  await opening

  assert.deepEqual(states, ["on", "muted"])
})

test("toggling mutes a live microphone and opens a muted one", async () => {
  const { microphone, states } = microphoneIn(["on", "on"])
  await microphone.open()

  await microphone.toggle()
  await microphone.toggle()

  assert.deepEqual(states, ["on", "muted", "on"])
})

test("a denied microphone is not muted but asked for again", async () => {
  const { microphone, room, states } = microphoneIn(["denied", "on"])
  await microphone.open()

  await microphone.mute()
  await microphone.toggle()

  assert.deepEqual(states, ["denied", "on"])
  assert.equal(room.muted, 0)
})
