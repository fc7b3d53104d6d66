// Numbered events which the site has not acknowledged yet, oldest first. Knows no socket.

const MAX_EVENTS = 50 // per frame
const MAX_EVENT = 60_000 // bytes; a larger one would fit into no frame and block all that follow

const utf8 = new TextEncoder()
const bytesOf = (text) => utf8.encode(text).length

export class Outbox {
  #pending = [] // {seq, json, bytes}
  #lastSeq = 0
  #sentSeq = 0 // everything up to here was handed out since the last rewind

  /** Number an event and keep it. `direction` is "in", "out" or "page"; `at` is epoch milliseconds. */
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

  /** The oldest unacknowledged events in a frame of at most `maxFrame` bytes which also names its source. */
  farewell(source, maxFrame) {
    const open = `{"type":"events","source":${JSON.stringify(source)},"events":[`
    return frame(open, this.#fitting(this.#pending.slice(0, MAX_EVENTS), maxFrame, open))
  }

  /** Everything up to `seq` is stored: forget it. */
  acknowledge(seq) {
    this.#pending = this.#pending.filter((event) => event.seq > seq)
  }

  /** The site will never take this event: forget it alone. */
  refuse(seq) {
    this.#pending = this.#pending.filter((event) => event.seq !== seq)
  }

  /** A new connection knows everything up to `seq`; all the rest is to be sent again, in order. */
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
    let bytes = bytesOf(open) + 2
    const tooFar = events.findIndex((event) => (bytes += event.bytes + 1) > maxFrame)
    return tooFar === -1 ? events : events.slice(0, tooFar)
  }
}

const EVENTS_OPEN = '{"type":"events","events":['

function frame(open, events) {
  return `${open}${events.map((event) => event.json).join(",")}]}`
}
