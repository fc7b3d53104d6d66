import assert from "node:assert/strict"
import { beforeEach, mock, test } from "node:test"
import { PushToTalk } from "../../static/js/room/push_to_talk.js"

let talk
let log

beforeEach(() => {
  mock.timers.reset()
  mock.timers.enable({ apis: ["setTimeout"] })
  log = []
  talk = new PushToTalk({
    commands: { send: (type) => log.push(type) },
    microphone: { open: () => log.push("live"), mute: () => log.push("muted") },
  })
  talk.onState = (state) => log.push(state)
})

test("the microphone is live only between the two answers of the service", () => {
  talk.press()
  talk.receive("user.push_to_talk_started")
  talk.release()
  talk.receive("user.push_to_talk_stopped")

  assert.deepEqual(log, [
    "opening",
    "user.start_push_to_talk",
    "talking",
    "live",
    "muted",
    "closing",
    "user.stop_push_to_talk",
    "idle",
  ])
})

test("a press let go before the answer closes the window without a word", () => {
  talk.press()
  talk.release()
  talk.receive("user.push_to_talk_started")

  assert.ok(!log.includes("live"))
  assert.equal(log.at(-1), "user.stop_push_to_talk")
})

test("a refused start is shown and can be tried again", () => {
  talk.press()
  talk.receive("user.push_to_talk_start_failed")
  talk.release()
  talk.press()

  assert.deepEqual(log, ["opening", "user.start_push_to_talk", "refused", "opening", "user.start_push_to_talk"])
})

test("a service that does not answer counts as a refusal", () => {
  talk.press()
  mock.timers.tick(5_000)

  assert.equal(log.at(-1), "refused")
})

test("holding again while the window closes opens it anew", () => {
  talk.press()
  talk.receive("user.push_to_talk_started")
  talk.release()
  talk.press()
  talk.receive("user.push_to_talk_stopped")

  assert.deepEqual(log.slice(-2), ["opening", "user.start_push_to_talk"])
})

test("a failed stop leaves the microphone muted", () => {
  talk.press()
  talk.receive("user.push_to_talk_started")
  talk.release()
  talk.receive("user.push_to_talk_stop_failed")

  assert.equal(log.filter((entry) => entry === "live" || entry === "muted").at(-1), "muted")
  assert.equal(log.at(-1), "idle")
})
