// Numbered events that the site has not acknowledged yet, oldest first. Knows no socket.

const MAX_EVENTS = 50 // per frame
const MAX_EVENT = 60_000 // bytes; a larger event would fit into no frame and block those behind it

const utf8 = new TextEncoder()
const bytesOf = (text) => utf8.encode(text).length

export class Outbox {
  #pending = [] // {seq, json, bytes}
  #lastSeq = 0
  #sentSeq = 0 // events up to this one were handed out since the last rewind

  /** Number an event and keep it until it is acknowledged. `direction` is "in", "out" or "page"; `at` is epoch milliseconds. */
  post(direction, type, payload = {}, at = Date.now()) {
    const event = { seq: ++this.#lastSeq, type, direction, at, payload }
    let json = JSON.stringify(event)
    let bytes = bytesOf(json)
    if (bytes > MAX_EVENT) {
      json = JSON.stringify({ ...event, payload: { too_large: true, bytes } })
      bytes = bytesOf(json)
    }
    this.#pending.push({ seq: event.seq, json, bytes })
    return event
  }

  /** Hand out every frame that may be sent now. Takes what `nextFrame` takes. */
  *frames(limits) {
    for (let frame = this.nextFrame(limits); frame; frame = this.nextFrame(limits)) yield frame
  }

  /**
   * The next frame to send, as text, or null when all is sent or the window is full.
   * `window` is how many events may be unacknowledged, `maxFrame` the frame's size in bytes.
   */
  nextFrame({ window, maxFrame }) {
    const inFlight = this.inFlight
    const room = Math.min(MAX_EVENTS, window - inFlight)
    const events = this.#fitting(this.#pending.slice(inFlight, inFlight + room), maxFrame, EVENTS_OPEN)
    if (events.length === 0) return null
    this.#sentSeq = events.at(-1).seq
    return frame(EVENTS_OPEN, events)
  }

  /** The oldest unacknowledged events in a frame of at most `maxFrame` bytes that also names its source. */
  farewell(source, maxFrame) {
    const open = `{"type":"events","source":${JSON.stringify(source)},"events":[`
    return frame(open, this.#fitting(this.#pending.slice(0, MAX_EVENTS), maxFrame, open))
  }

  /** Forget the events up to `seq`: the site has stored them. */
  acknowledge(seq) {
    this.#pending = this.#pending.filter((event) => event.seq > seq)
  }

  /** Forget one event: the site will never store it. */
  refuse(seq) {
    this.#pending = this.#pending.filter((event) => event.seq !== seq)
  }

  /** A new connection has everything up to `seq`; send the rest again, in order. */
  rewind(seq) {
    this.acknowledge(seq)
    this.#sentSeq = seq
  }

  get size() {
    return this.#pending.length
  }

  get inFlight() {
    const firstUnsent = this.#pending.findIndex((event) => event.seq > this.#sentSeq)
    return firstUnsent === -1 ? this.#pending.length : firstUnsent
  }

  #fitting(events, maxFrame, open) {
    let free = maxFrame - bytesOf(open) - 2
    const tooFar = events.findIndex((event) => {
      free -= event.bytes + 1
      return free < 0
    })
    return tooFar === -1 ? events : events.slice(0, tooFar)
  }
}

const EVENTS_OPEN = '{"type":"events","events":['

function frame(open, events) {
  return `${open}${events.map((event) => event.json).join(",")}]}`
}
