import assert from "node:assert/strict"
import { beforeEach, mock, test } from "node:test"
import { SessionClock } from "../../static/js/views/session_clock.js"

let call
let shown
let warnings
let ticks
let clock

beforeEach(() => {
  mock.timers.reset()
  mock.timers.enable({ apis: ["setInterval", "Date"] })
  call = { startedAt: null, limit: 90, phase: "reserving" }
  shown = []
  warnings = []
  ticks = 0
  clock = new SessionClock({
    call,
    stage: { showTime: ({ text }) => shown.push(text) },
    announcer: { warn: (text) => warnings.push(text) },
    onTick: () => {
      ticks += 1
    },
  })
  clock.start()
})

test("no time is shown before the call is live, and the page is refreshed all the same", () => {
  mock.timers.tick(3_000)

  assert.deepEqual([shown, ticks], [[], 3])
})

test("a live call shows the time left and warns before it runs out", () => {
  Object.assign(call, { startedAt: Date.now(), phase: "live" })

  for (let second = 0; second < 85; second++) mock.timers.tick(1_000)

  assert.deepEqual(shown.slice(0, 2), ["1:29 left", "1:28 left"])
  assert.deepEqual(warnings, ["One minute left.", "Ten seconds left."])
})

test("a stopped clock shows nothing more", () => {
  Object.assign(call, { startedAt: Date.now(), phase: "live" })
  clock.stop()

  mock.timers.tick(5_000)

  assert.deepEqual([shown, ticks], [[], 0])
})
