import assert from "node:assert/strict"
import { test } from "node:test"
import { clockReading, clockTime, dueWarning, durationInWords } from "../../static/js/views/duration.js"

for (const [seconds, text] of [
  [0, "0:00"],
  [9.9, "0:09"],
  [65, "1:05"],
  [3599, "59:59"],
  [3845, "1:04:05"],
  [-2, "0:00"],
]) {
  test(`${seconds} seconds read ${text}`, () => assert.equal(clockTime(seconds), text))
}

for (const [seconds, text] of [
  [0, "0 seconds"],
  [1, "1 second"],
  [60, "1 minute"],
  [185, "3 minutes 5 seconds"],
]) {
  test(`a talk of ${seconds} seconds lasted ${text}`, () => assert.equal(durationInWords(seconds), text))
}

test("the time spent is shown until two minutes are left", () => {
  assert.deepEqual(clockReading(479, 600), { text: "7:59", isShort: false })
  assert.deepEqual(clockReading(480, 600), { text: "2:00 left", isShort: false })
  assert.deepEqual(clockReading(545.5, 600), { text: "0:55 left", isShort: true })
  assert.deepEqual(clockReading(10_000, null), { text: "2:46:40", isShort: false })
})

test("each warning is given once, at the tick that passes it", () => {
  const given = []
  for (let now = 1.3; now < 600; now += 1) given.push(dueWarning(now - 1, now, 600))

  assert.deepEqual(given.filter(Boolean), ["One minute left.", "Ten seconds left."])
})

test("a session shorter than a warning never gets it", () => {
  assert.equal(dueWarning(0, 0.5, 60), null)
  assert.equal(dueWarning(49.5, 50.5, 60), "Ten seconds left.")
  assert.equal(dueWarning(0, 1e6, null), null)
})
