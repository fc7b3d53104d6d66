// One conversation from the reservation to its end. Knows no document: the page listens to it.

import { ServiceSession } from "./vendor_session.js"

const SLOW_AFTER = 8_000 // ms; a usual start takes three to five seconds
const START_LIMIT = 30_000 // ms until the first picture
const COMPANY_LIMIT = 15_000 // ms without the avatar, or without who answers, until the call is given up
const FAREWELL_LIMIT = 120_000 // ms for the last events to be stored; the end screen does not wait for it

const STOP_AGAIN = 1_000 // ms until a stop the site did not hear is repeated, doubled each time
const STOP_AGAIN_CAP = 15_000 // ms

const COMMANDS = {
  ask: "avatar.speak_response",
  say: "avatar.speak_text",
  interrupt: "avatar.interrupt",
}

export class Call {
  onPhase = () => {} // "reserving", "joining", "picture", "live" or "ended"
  onSlow = () => {}
  onEnd = () => {} // {reason, text, failed}: at once with our own words, and again with the site's
  onEvent = () => {} // every message of the service
  onElsewhere = () => {} // the same visitor joined from another page; this one only steps aside

  phase = "idle"
  startedAt = null // epoch ms
  limit = null // seconds the service allows, or null
  over = false

  #site
  #room
  #journal
  #socket
  #service = null
  #abort = new AbortController()
  #timers = []
  #missing = null // the timer of somebody who left
  #firstFrame
  #mayStop = true // the site has not yet confirmed the end
  #stream

  /** `stream` is the AgentStream of a CUSTOM session: its agent tells the site itself what it tells this page. */
  constructor({ site, room, journal, socket, stream = null, startedAt = null, limit = null }) {
    this.#stream = stream
    this.#site = site
    this.#room = room
    this.#journal = journal
    this.#socket = socket
    this.startedAt = startedAt
    this.limit = limit
    this.#listen()
  }

  /** True while leaving the page would leave a session open which somebody pays for. */
  get mustBeStopped() {
    return this.#mayStop
  }

  async begin(clickedAt = null) {
    const begun = Date.now()
    this.#timers = [
      setTimeout(() => this.onSlow(), SLOW_AFTER),
      setTimeout(() => this.#fail(TOO_SLOW, "start_timeout"), START_LIMIT),
    ]
    try {
      this.#enter("reserving")
      const grant = await this.#reserve()
      if (this.over) return
      this.limit = grant.max_session_duration ?? this.limit
      this.startedAt ??= Date.now()
      this.#enter("joining")
      const joining = Date.now()
      await this.#room.join(grant.livekit_url, grant.livekit_client_token)
      if (this.over) return
      this.#journal.note("page.room_joined", { ms: Date.now() - joining })
      this.#enter("picture")
      await this.#firstFrame
      if (this.over) return
      this.#journal.note("page.first_frame", {
        ms_from_click: Date.now() - (clickedAt ?? begun),
        ms_from_connect: Date.now() - joining,
      })
      this.#clearTimers()
      this.#enter("live")
    } catch (error) {
      if (!this.over) this.#failBecause(error)
    }
  }

  ask(text) {
    return this.command(COMMANDS.ask, { text })
  }

  say(text) {
    return this.command(COMMANDS.say, { text })
  }

  interrupt() {
    return this.command(COMMANDS.interrupt)
  }

  /** Publish a command and note it. Resolves to false when it could not be sent. */
  async command(type, extra = {}) {
    if (this.over) return false
    const message = { event_id: uuid(), event_type: type, ...extra }
    try {
      await this.#room.send(message)
    } catch (error) {
      this.#journal.note("page.error", { code: "command.unsent", message: `${type}: ${error.message}` })
      return false
    }
    this.#journal.message("out", message)
    return true
  }

  cancel() {
    return this.#end({ reason: "cancelled", text: "You cancelled before the conversation began." })
  }

  end() {
    return this.#end({ reason: "user", text: "You ended the conversation." })
  }

  /** The site says that it is over; nothing is left to tell it. */
  endedBySite({ end_reason: reason, end_text: text, state }) {
    this.#mayStop = false
    return this.#end({ reason, text, failed: state === "failed", tell: false })
  }

  /** A session of the browser's own ended with the page that ran it; there is nothing to come back to. */
  endWithItsPage() {
    const text = "The conversation ended because its page was closed."
    return this.#end({ reason: "service_stopped", detail: "PAGE_CLOSED", text })
  }

  /** The page goes away: the voice stops now, and a session of the browser's own is stopped by the browser. */
  leave() {
    if (this.#service) this.#journal.note("page.session_stopped", { reason: "page_closed" })
    this.#journal.note("page.closed")
    this.#service?.stop()
    this.#room.leave()
    this.#clearTimers()
  }

  #listen() {
    this.#firstFrame = new Promise((resolve) => (this.#room.onFirstFrame = resolve))
    if (this.#stream) this.#stream.onMessage = (message) => this.#journal.show(message)
    this.#room.onEvent = (message) => {
      if (this.#stream) this.#journal.show(message)
      else this.#journal.message("in", message)
      this.onEvent(message)
      if (message.event_type === "session.stopped") this.#stoppedByService(message)
    }
    this.#room.onMissing = (missing) => this.#wait(missing)
    this.#room.onLeft = (reason) => {
      if (reason === "duplicate_identity") this.#stepAside()
      else if (this.phase === "joining") this.#fail(NO_ROOM, `start_failed: ${reason}`)
      else this.#end({ reason: "room_lost", detail: reason, text: LOST })
    }
  }

  async #reserve() {
    const answer = await this.#site.start(this.#abort.signal)
    if (!answer.api_url) return answer
    this.#service = new ServiceSession({ apiUrl: answer.api_url, token: answer.session_token })
    const grant = await this.#service.start(this.#abort.signal)
    this.#journal.note("page.session_started", { session_id: grant.session_id })
    return grant
  }

  /** The avatar may come back: its service restarts it. A picture that stands still for ever would be a lie. */
  #wait(missing) {
    if (this.over || missing === (this.#missing !== null)) return
    clearTimeout(this.#missing)
    this.#missing = missing ? setTimeout(() => this.#end({ reason: "room_lost", detail: "avatar_left", text: GONE }), COMPANY_LIMIT) : null
    this.#journal.note(missing ? "page.avatar_left" : "page.avatar_returned")
  }

  #stoppedByService(message) {
    const detail = message.end_reason ?? message.stop_reason ?? ""
    this.#end({ reason: "service_stopped", detail, text: STOPPED[detail] ?? "The conversation ended." })
  }

  /** The session goes on in the page that took over, so nothing may be stopped here. */
  #stepAside() {
    this.over = true
    this.#mayStop = false
    this.#service?.close()
    this.#journal.note("page.room_left", { reason: "duplicate_identity" })
    this.#close()
    this.onElsewhere()
  }

  #failBecause(error) {
    const code = error.code ?? error.name
    this.#journal.note("page.error", { code: String(code), message: error.message })
    if (code === "session.ended") this.#mayStop = false
    this.#fail(IN_PLAIN_WORDS.has(error.name) ? error.message : NO_ROOM, `start_failed: ${code}`, code !== "session.ended")
  }

  #fail(text, detail, tell = true) {
    return this.#end({ reason: "start_failed", detail, text, failed: true, tell })
  }

  async #end({ reason, detail = "", text, failed = false, tell = true }) {
    if (this.over) return
    this.over = true
    this.#abort.abort()
    this.#journal.note("page.room_left", { reason: detail || reason })
    this.#enter("ended")
    this.onEnd({ reason, text, failed })
    if (this.#service) this.#journal.note("page.session_stopped", { reason: detail || reason })
    this.#service?.stop()
    const stored = this.#close()
    if (tell) await this.#tellSite({ reason, detail, failed })
    await stored
  }

  /** Until it is heard: as long as this page is open, the site takes the session for wanted, and it is billed. */
  async #tellSite({ reason, detail, failed }) {
    for (let pause = STOP_AGAIN; ; pause = Math.min(2 * pause, STOP_AGAIN_CAP)) {
      try {
        const { end_text: text } = await this.#site.stop(reason, detail)
        this.#mayStop = false
        if (text && !failed) this.onEnd({ reason, text, failed })
        return
      } catch (error) {
        if (error.name !== "SiteError") throw error
        if (!error.retry) return
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }

  #close() {
    this.#clearTimers()
    this.#room.leave()
    this.#journal.note("page.closed")
    return this.#socket.finish(FAREWELL_LIMIT)
  }

  #clearTimers() {
    for (const timer of [...this.#timers, this.#missing]) clearTimeout(timer)
  }

  #enter(phase) {
    this.phase = phase
    this.onPhase(phase)
  }
}

// Errors whose message is written for people; all others come from the depths of WebRTC.
const IN_PLAIN_WORDS = new Set(["SiteError", "ServiceError", "RoomError"])

const TOO_SLOW =
  "The avatar did not appear within 30 seconds, so the start was cancelled. Nothing keeps running. Please try again."
const NO_ROOM =
  "The connection to the avatar could not be made. A firewall or VPN may be in the way; try another network."
const GONE = "The avatar left and did not come back. You can start again."
const LOST = "The connection to the avatar was lost and could not be restored. You can start again."

// Only until the site's own sentence arrives.
const STOPPED = {
  IDLE_TIMEOUT: "The conversation ended because nothing was said for a while.",
  MAX_DURATION_REACHED: "The conversation reached its time limit.",
  NO_CREDITS: "The conversation ended because the site's credits with the avatar service are used up.",
  SERVER_ERROR: "The avatar service had a problem and ended the conversation. You can start again.",
}

/** crypto.randomUUID exists on secure pages only; by text the page also works on plain http in a local network. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
}
