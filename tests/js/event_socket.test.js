import assert from "node:assert/strict"
import { beforeEach, mock, test } from "node:test"
import { EventSocket } from "../../static/js/site/event_socket.js"
import { Outbox } from "../../static/js/site/outbox.js"

class FakeWebSocket {
  static dialled = []
  sent = []
  closed = false

  constructor(url) {
    this.url = url
    FakeWebSocket.dialled.push(this)
  }

  send(text) {
    this.sent.push(JSON.parse(text))
  }

  close() {
    this.closed = true
  }

  opens() {
    this.onopen({})
  }

  says(frame) {
    this.onmessage({ data: JSON.stringify(frame) })
  }

  breaks(code) {
    this.onclose({ code })
  }

  welcomes(ack = 0, limits = { window: 256, max_frame: 65_536 }) {
    this.opens()
    this.says({ type: "welcome", ack, state: "live", ...limits })
  }
}

let tickets

beforeEach(() => {
  FakeWebSocket.dialled = []
  tickets = 0
  mock.timers.reset()
  mock.timers.enable({ apis: ["setTimeout"] })
})

function socketWith(outbox = new Outbox(), options = {}) {
  return new EventSocket({
    url: "ws://site/ws/sessions/k/",
    source: "page-0001",
    outbox,
    getTicket: async () => `ticket-${++tickets}`,
    WebSocket: FakeWebSocket,
    random: () => 1,
    ...options,
  })
}

/** Lets what awaits a ticket go on. */
const settled = () => new Promise(setImmediate)

async function dialled(socket) {
  socket.open()
  await settled()
  return FakeWebSocket.dialled.at(-1)
}

test("the first frame is a hello with a fresh ticket and the page's source", async () => {
  const wire = await dialled(socketWith())

  wire.opens()

  assert.deepEqual(wire.sent, [{ type: "hello", ticket: "ticket-1", source: "page-0001" }])
})

test("nothing is sent before the welcome, and all of it after", async () => {
  const outbox = new Outbox()
  const socket = socketWith(outbox)
  const wire = await dialled(socket)
  outbox.post("page", "page.opened")
  wire.opens()
  socket.flushSoon()
  mock.timers.tick(50)
  assert.equal(wire.sent.length, 1)

  wire.says({ type: "welcome", ack: 0, state: "live", window: 256, max_frame: 65_536 })

  assert.equal(socket.state, "open")
  assert.deepEqual(
    wire.sent[1].events.map((event) => event.type),
    ["page.opened"],
  )
})

test("events of one moment travel in one frame", async () => {
  const outbox = new Outbox()
  const socket = socketWith(outbox)
  const wire = await dialled(socket)
  wire.welcomes()

  for (let n = 0; n < 3; n++) {
    outbox.post("in", "avatar.transcription.chunk", { text: "a" })
    socket.flushSoon()
  }
  mock.timers.tick(50)

  assert.equal(wire.sent.length, 2)
  assert.equal(wire.sent[1].events.length, 3)
})

test("unacknowledged events are sent again over the next connection, and only those", async () => {
  const outbox = new Outbox()
  for (let n = 0; n < 3; n++) outbox.post("in", "user.speak_started")
  const first = await dialled(socketWith(outbox))
  first.welcomes()
  first.says({ type: "ack", ack: 1 })

  first.breaks(1006)
  mock.timers.tick(500)
  await settled()
  const second = FakeWebSocket.dialled[1]
  second.welcomes(2)

  assert.equal(second.sent[0].ticket, "ticket-2")
  assert.deepEqual(
    second.sent[1].events.map((event) => event.seq),
    [3],
  )
})

test("an event not acknowledged within five seconds gives the connection up", async () => {
  const outbox = new Outbox()
  outbox.post("in", "user.speak_started")
  const socket = socketWith(outbox)
  const wire = await dialled(socket)
  wire.welcomes()

  mock.timers.tick(4_999)
  assert.equal(socket.state, "open")
  mock.timers.tick(1)

  assert.equal(socket.state, "waiting")
  assert.ok(wire.closed)
})

test("a connection that is never welcomed is given up after ten seconds", async () => {
  const socket = socketWith()
  const wire = await dialled(socket)
  wire.opens()

  mock.timers.tick(10_000)

  assert.equal(socket.state, "waiting")
})

test("the backoff doubles up to its cap, and a welcome resets it", async () => {
  const waits = []
  const socket = socketWith(new Outbox(), { random: () => 1 })
  let wire = await dialled(socket)

  for (let n = 0; n < 8; n++) {
    wire.breaks(1006)
    let waited = 0
    while (socket.state === "waiting") {
      mock.timers.tick(250)
      waited += 250
    }
    waits.push(waited)
    await settled()
    wire = FakeWebSocket.dialled.at(-1)
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])

  wire.welcomes()
  wire.breaks(1012)
  mock.timers.tick(500)

  assert.equal(socket.state, "connecting")
})

test("the wait is anywhere between nothing and the backoff", async () => {
  const socket = socketWith(new Outbox(), { random: () => 0.1 })
  const wire = await dialled(socket)

  wire.breaks(1006)
  mock.timers.tick(50)

  assert.equal(socket.state, "connecting")
})

test("a refused ticket is replaced at once, but only once", async () => {
  const socket = socketWith()
  const wire = await dialled(socket)

  wire.breaks(4401)
  await settled()
  assert.equal(FakeWebSocket.dialled.length, 2)
  FakeWebSocket.dialled[1].breaks(4401)
  await settled()

  assert.equal(FakeWebSocket.dialled.length, 2)
  assert.equal(socket.state, "waiting")
})

test("a ticket that cannot be had is asked for again later", async () => {
  let failures = 1
  const getTicket = async () => {
    if (failures-- > 0) throw new Error("offline")
    return "late-ticket"
  }
  const socket = socketWith(new Outbox(), { getTicket })
  socket.open()
  await settled()
  assert.equal(socket.state, "waiting")

  socket.wake()
  await settled()
  FakeWebSocket.dialled[0].opens()

  assert.equal(FakeWebSocket.dialled[0].sent[0].ticket, "late-ticket")
})

for (const code of [4400, 4403, 4404, 4409]) {
  test(`close code ${code} ends the attempts`, async () => {
    const socket = socketWith()
    const wire = await dialled(socket)

    wire.breaks(code)
    mock.timers.tick(60_000)
    await settled()

    assert.equal(socket.state, "closed")
    assert.equal(FakeWebSocket.dialled.length, 1)
  })
}

test("a refused event counts as stored and is reported", async () => {
  const outbox = new Outbox()
  outbox.post("in", "odd")
  const socket = socketWith(outbox)
  const refusals = []
  socket.onRefused = (frame) => refusals.push(frame.code)
  const wire = await dialled(socket)
  wire.welcomes()

  wire.says({ type: "error", code: "event.invalid", message: "no", seq: 1 })

  assert.equal(outbox.size, 0)
  assert.deepEqual(refusals, ["event.invalid"])
})

test("a change of the session reaches the page", async () => {
  const socket = socketWith()
  const told = []
  socket.onSession = (frame) => told.push(frame.end_reason)
  const wire = await dialled(socket)
  wire.welcomes()

  wire.says({ type: "state", state: "ended", end_reason: "MAX_DURATION_REACHED", end_text: "Time is up." })

  assert.deepEqual(told, ["MAX_DURATION_REACHED"])
})

test("finishing waits for the last ack and then closes", async () => {
  const outbox = new Outbox()
  outbox.post("page", "page.closed")
  const socket = socketWith(outbox)
  const wire = await dialled(socket)
  wire.welcomes()
  const finished = socket.finish(3_000)

  wire.says({ type: "ack", ack: 1 })
  await finished

  assert.equal(socket.state, "closed")
  assert.ok(wire.closed)
})

test("finishing does not wait longer than its limit", async () => {
  const outbox = new Outbox()
  outbox.post("page", "page.closed")
  const socket = socketWith(outbox)
  await dialled(socket)
  const finished = socket.finish(3_000)

  mock.timers.tick(3_000)
  await finished

  assert.equal(socket.state, "closed")
})

test("a socket closed while its ticket is on the way never dials", async () => {
  const socket = socketWith()
  socket.open()

  socket.close()
  await settled()

  assert.equal(FakeWebSocket.dialled.length, 0)
})
