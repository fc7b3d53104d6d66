// Carries the outbox to the site over a websocket that may break at any time.

const HELLO_LIMIT = 10_000 // ms from asking for a ticket until the welcome
const ACK_LIMIT = 5_000 // ms until a sent event must be acknowledged
const BATCH_EVERY = 50 // ms
const BACKOFF_BASE = 500 // ms
const BACKOFF_CAP = 15_000 // ms

const TICKET_REFUSED = 4401
// Bad frame, foreign origin, another visitor's session, session long over: a retry would end the same way.
const PERMANENT = new Set([4400, 4403, 4404, 4409])

export class EventSocket {
  onState = () => {} // "connecting", "open", "waiting" or "closed"
  onSession = () => {} // the session changed: {state, end_reason, end_text}
  onRefused = () => {} // the site does not store an event: {code, message, seq}

  #url
  #source
  #outbox
  #getTicket
  #WebSocket
  #random
  #socket = null
  #limits = null // {window, maxFrame}, known once welcomed
  #attempt = 0
  #freshTicketTried = false
  #timers = { retry: null, hello: null, ack: null, batch: null, drain: null }
  #drained = null
  #state = "closed"

  /** `getTicket` resolves to a one-time ticket; it is called before every connection. */
  constructor({ url, source, outbox, getTicket, WebSocket = globalThis.WebSocket, random = Math.random }) {
    this.#url = url
    this.#source = source
    this.#outbox = outbox
    this.#getTicket = getTicket
    this.#WebSocket = WebSocket
    this.#random = random
  }

  get state() {
    return this.#state
  }

  open() {
    if (this.#state === "closed") this.#connect()
  }

  /** Reconnect at once instead of after the back-off: the browser says that the network is back. */
  wake() {
    if (this.#state === "waiting") this.#connect()
  }

  /** Send what the outbox holds, together with the events of the next 50 ms. */
  flushSoon() {
    this.#timers.batch ??= setTimeout(() => this.#flush(), BATCH_EVERY)
  }

  /** Close the socket once everything is stored, or after `limit` milliseconds. Resolves when it is closed. */
  finish(limit) {
    if (this.#state === "closed") return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = () => {
        this.close()
        resolve()
      }
      this.#timers.drain = setTimeout(this.#drained, limit)
      this.wake()
      this.#settle()
    })
  }

  close() {
    for (const name of Object.keys(this.#timers)) this.#clear(name)
    this.#drop(1000)
    this.#enter("closed")
  }

  async #connect() {
    this.#clear("retry")
    this.#enter("connecting")
    // A stand-in until the ticket comes, so that a close() in between is noticed.
    const standIn = { close() {} }
    this.#socket = standIn
    this.#timers.hello = setTimeout(() => this.#lost(), HELLO_LIMIT)
    let ticket
    try {
      ticket = await this.#getTicket()
    } catch {
      if (this.#socket === standIn) this.#lost()
      return
    }
    if (this.#socket === standIn) this.#dial(ticket)
  }

  #dial(ticket) {
    const socket = new this.#WebSocket(this.#url)
    this.#socket = socket
    const current = (react) => (event) => {
      if (this.#socket === socket) react(event)
    }
    socket.onopen = current(() => socket.send(JSON.stringify({ type: "hello", ticket, source: this.#source })))
    socket.onmessage = current(({ data }) => this.#receive(data))
    socket.onclose = current(({ code }) => this.#lost(code))
  }

  #receive(text) {
    const frame = JSON.parse(text)
    if (frame.type === "welcome") this.#welcome(frame)
    else if (frame.type === "ack") this.#acknowledged(() => this.#outbox.acknowledge(frame.ack))
    else if (frame.type === "state") this.onSession(frame)
    else if (frame.type === "error") this.#refused(frame)
  }

  #welcome({ ack, window, max_frame }) {
    this.#clear("hello")
    this.#attempt = 0
    this.#freshTicketTried = false
    this.#limits = { window, maxFrame: max_frame }
    this.#outbox.rewind(ack)
    this.#enter("open")
    this.#flush()
    this.#settle()
  }

  #refused(frame) {
    this.onRefused(frame)
    if (frame.seq != null) this.#acknowledged(() => this.#outbox.refuse(frame.seq))
  }

  #acknowledged(forget) {
    forget()
    this.#clear("ack")
    this.#flush()
    this.#settle()
  }

  #flush() {
    this.#clear("batch")
    if (this.#state !== "open") return
    for (const frame of this.#outbox.frames(this.#limits)) this.#socket.send(frame)
    if (this.#outbox.inFlight > 0) this.#timers.ack ??= setTimeout(() => this.#lost(), ACK_LIMIT)
  }

  #settle() {
    if (this.#outbox.size === 0) this.#drained?.()
  }

  /** The connection is lost, or given up by this page: then there is no `code`. */
  #lost(code) {
    for (const name of ["hello", "ack", "batch"]) this.#clear(name)
    this.#drop()
    if (PERMANENT.has(code)) {
      this.#drained?.()
      this.#enter("closed")
    } else if (code === TICKET_REFUSED && !this.#freshTicketTried) {
      this.#freshTicketTried = true
      this.#connect()
    } else {
      this.#retryLater()
    }
  }

  /** Full jitter: any moment up to the back-off, so that not all pages reconnect to a restarted site at once. */
  #retryLater() {
    this.#enter("waiting")
    const ceiling = Math.min(BACKOFF_CAP, BACKOFF_BASE * 2 ** this.#attempt++)
    this.#timers.retry = setTimeout(() => this.#connect(), this.#random() * ceiling)
  }

  #drop(code) {
    const socket = this.#socket
    this.#socket = null
    socket?.close(code)
  }

  #clear(name) {
    clearTimeout(this.#timers[name])
    this.#timers[name] = null
  }

  #enter(state) {
    if (this.#state === state) return
    this.#state = state
    this.onState(state)
  }
}
