import assert from "node:assert/strict"
import { test } from "node:test"
import { Outbox } from "../../static/js/site/outbox.js"

const roomy = { window: 256, maxFrame: 65_536 }

function outboxWith(count, payload = {}) {
  const outbox = new Outbox()
  for (let n = 0; n < count; n++) outbox.post("in", "user.speak_started", payload)
  return outbox
}

const seqsOf = (frame) => JSON.parse(frame).events.map((event) => event.seq)

test("events are numbered from one without gaps and keep what they were given", () => {
  const outbox = new Outbox()

  outbox.post("out", "avatar.speak_text", { text: "hi" }, 1763630000123)
  outbox.post("page", "page.opened", {}, 1763630000124)

  assert.deepEqual(JSON.parse(outbox.nextFrame(roomy)), {
    type: "events",
    events: [
      { seq: 1, type: "avatar.speak_text", direction: "out", at: 1763630000123, payload: { text: "hi" } },
      { seq: 2, type: "page.opened", direction: "page", at: 1763630000124, payload: {} },
    ],
  })
})

test("a frame has at most fifty events and nothing is handed out twice", () => {
  const outbox = outboxWith(60)

  assert.equal(seqsOf(outbox.nextFrame(roomy)).length, 50)
  assert.deepEqual(seqsOf(outbox.nextFrame(roomy)), [51, 52, 53, 54, 55, 56, 57, 58, 59, 60])
  assert.equal(outbox.nextFrame(roomy), null)
})

test("no more than the window is in flight, and an ack opens it again", () => {
  const outbox = outboxWith(10)
  const narrow = { ...roomy, window: 4 }

  assert.deepEqual(seqsOf(outbox.nextFrame(narrow)), [1, 2, 3, 4])
  assert.equal(outbox.nextFrame(narrow), null)

  outbox.acknowledge(3)

  assert.deepEqual(seqsOf(outbox.nextFrame(narrow)), [5, 6, 7])
})

test("no frame is larger than allowed, counted in bytes and not in letters", () => {
  const outbox = outboxWith(20, { text: "ü".repeat(400) })
  const maxFrame = 4_000

  const frames = [...outbox.frames({ window: 256, maxFrame })]

  assert.deepEqual(
    frames.flatMap(seqsOf),
    [...Array(20).keys()].map((n) => n + 1),
  )
  assert.ok(frames.length > 4)
  for (const frame of frames) assert.ok(Buffer.byteLength(frame) <= maxFrame)
})

test("an event too large for any frame is kept in name, so that those after it still pass", () => {
  const outbox = outboxWith(1, { text: "x".repeat(70_000) })
  outbox.post("in", "user.speak_ended")

  const { events } = JSON.parse(outbox.nextFrame(roomy))

  assert.equal(events[0].payload.too_large, true)
  assert.equal(events[1].type, "user.speak_ended")
})

test("a new connection gets everything after its ack again, in order", () => {
  const outbox = outboxWith(5)
  outbox.nextFrame(roomy)
  outbox.acknowledge(1)

  outbox.rewind(2)

  assert.deepEqual(seqsOf(outbox.nextFrame(roomy)), [3, 4, 5])
})

test("a refused event is never sent again and its neighbours are", () => {
  const outbox = outboxWith(3)
  outbox.nextFrame(roomy)

  outbox.refuse(2)
  outbox.rewind(0)

  assert.deepEqual(seqsOf(outbox.nextFrame(roomy)), [1, 3])
})

test("the farewell names the source and holds the oldest events that fit", () => {
  const outbox = outboxWith(30, { text: "x".repeat(1000) })
  outbox.nextFrame(roomy)

  const frame = outbox.farewell("page-12ab", 10_000)

  assert.equal(JSON.parse(frame).source, "page-12ab")
  assert.deepEqual(seqsOf(frame).slice(0, 2), [1, 2])
  assert.ok(Buffer.byteLength(frame) <= 10_000)
})
