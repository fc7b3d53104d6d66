import assert from "node:assert/strict"
import { test } from "node:test"
import { Microphone } from "../../static/js/room/microphone.js"

function microphoneIn(answers, options) {
  const room = { muted: 0, openMicrophone: async () => answers.shift(), muteMicrophone: async () => room.muted++ }
  const microphone = new Microphone(room, options)
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

/** A switch as the tab's storage remembers it. */
function flag(isOn) {
  return {
    get: () => isOn,
    set: (on) => {
      isOn = on
    },
  }
}

test("a requested microphone is on, and muted at once with push to talk", async () => {
  const talking = microphoneIn(["on"])
  const pushing = microphoneIn(["on"], { startsMuted: true })

  await talking.microphone.request()
  await pushing.microphone.request()

  assert.deepEqual(talking.states, ["on"])
  assert.deepEqual(pushing.states, ["on", "muted"])
})

test("a visitor's mute holds after a reload, until the visitor opens the microphone", async () => {
  const muted = flag(false)
  const before = microphoneIn(["on"], { muted })
  await before.microphone.request()
  await before.microphone.toggle()

  const reloaded = microphoneIn(["on", "on"], { muted })
  await reloaded.microphone.request()
  assert.deepEqual(reloaded.states, ["on", "muted"])
  await reloaded.microphone.toggle()
  const later = microphoneIn(["on"], { muted })
  await later.microphone.request()

  assert.deepEqual(later.states, ["on"])
})
