// One conversation from its start to its end. Knows no document: the page listens to it.

import { Absence } from "./absence.js"
import {
  avatarLeft,
  cancelled,
  codeOf,
  endedBySite,
  endedByVisitor,
  pageClosed,
  roomLost,
  roomRefused,
  startFailed,
  startTimedOut,
  stoppedByVendor,
} from "./endings.js"
import { SessionStart } from "./session_start.js"
import { stopUntilHeard } from "./stop_request.js"

const SLOW_AFTER = 8_000 // ms; a usual start takes three to five seconds
const START_LIMIT = 30_000 // ms until the first picture
const FINISH_LIMIT = 120_000 // ms for the last events to be stored; the end screen does not wait for it

export class Call {
  onPhase = () => {} // "loading", "reserving", "joining", "picture", "live" or "ended"
  onSlow = () => {} // the start takes longer than usual
  onMessage = () => {} // a message of the vendor
  onEnd = () => {} // an ending (endings.js) with its `seconds`: at once with the page's words, then with the site's
  onElsewhere = () => {} // another page of the same visitor took the session over

  phase = "idle"
  isOver = false
  startedAt // epoch ms, or null
  limit // seconds that the vendor allows, or null

  #site
  #room
  #journal
  #socket
  #session
  #transcription
  #absence
  #startTimers = []
  #firstFrame
  #isStopped = false // the site has confirmed the end

  /** `transcription` is the AgentTranscription of a CUSTOM session. */
  constructor({ site, room, journal, socket, transcription = null, startedAt = null, limit = null }) {
    this.#site = site
    this.#room = room
    this.#journal = journal
    this.#socket = socket
    this.#session = new SessionStart({ site, journal })
    this.#transcription = transcription
    this.startedAt = startedAt
    this.limit = limit
    this.#absence = new Absence({
      onChange: (isAbsent) => journal.recordPageEvent(isAbsent ? "page.avatar_left" : "page.avatar_returned"),
      onTimeout: () => this.#end(avatarLeft()),
    })
    this.#listen()
  }

  /** True while leaving the page would leave a billed session open. */
  get mustBeStopped() {
    return !this.#isStopped
  }

  /** Start the session and join its room. `clickedAt`: when Start was pressed, in epoch milliseconds, or null. */
  async start(clickedAt = null) {
    const begunAt = Date.now()
    this.#startTimers = [
      setTimeout(() => this.onSlow(), SLOW_AFTER),
      setTimeout(() => this.#end(startTimedOut()), START_LIMIT),
    ]
    try {
      // First, because a page that cannot join a room must not start a session that is billed.
      this.#enter("loading")
      await this.#room.load()
      if (this.isOver) return
      this.#enter("reserving")
      const grant = await this.#session.run()
      if (this.isOver) return
      this.limit = grant.max_session_duration ?? this.limit
      this.startedAt ??= Date.now()
      this.#enter("joining")
      const joiningAt = Date.now()
      await this.#room.join(grant.livekit_url, grant.livekit_client_token)
      if (this.isOver) return
      this.#journal.recordPageEvent("page.room_joined", { ms: Date.now() - joiningAt })
      this.#enter("picture")
      await this.#firstFrame
      if (this.isOver) return
      this.#journal.recordPageEvent("page.first_frame", {
        ms_from_click: Date.now() - (clickedAt ?? begunAt),
        ms_from_connect: Date.now() - joiningAt,
      })
      this.#clearStartTimers()
      this.#enter("live")
    } catch (error) {
      if (!this.isOver) this.#failStart(error)
    }
  }

  cancel() {
    return this.#end(cancelled())
  }

  end() {
    return this.#end(endedByVisitor())
  }

  /** The page that ran a browser-started session was closed: end it instead of starting again. */
  endWithItsPage() {
    return this.#end(pageClosed())
  }

  /** The site's `state` frame says that the session is over. */
  endedBySite(frame) {
    this.#isStopped = true
    return this.#end(endedBySite(frame))
  }

  /** The page goes away: the voice stops now, and a session that the browser started is stopped by the browser. */
  leave() {
    this.#session.stop("page_closed")
    this.#journal.recordPageEvent("page.closed")
    this.#room.leave()
    this.#clearTimers()
  }

  #listen() {
    const room = this.#room
    this.#firstFrame = new Promise((resolve) => {
      room.onFirstFrame = resolve
    })
    if (this.#transcription) this.#transcription.onMessage = (message) => this.#journal.showMessage(message)
    room.onMessage = (message) => this.#receive(message)
    room.onAbsence = (isAbsent) => {
      if (!this.isOver) this.#absence.set(isAbsent)
    }
    room.onLeft = (reason) => {
      if (reason === "duplicate_identity") this.#stepAside()
      else this.#end(this.phase === "joining" ? roomRefused(reason) : roomLost(reason))
    }
  }

  #receive(message) {
    // In CUSTOM mode the agent reports to the site itself what it sends to this page.
    if (this.#transcription) this.#journal.showMessage(message)
    else this.#journal.recordMessage("in", message)
    this.onMessage(message)
    if (message.event_type === "session.stopped") this.#end(stoppedByVendor(message))
  }

  #failStart(error) {
    const message = error.cause ? `${error.message} (${error.cause.message})` : error.message
    this.#journal.recordPageEvent("page.error", { code: codeOf(error), message })
    if (codeOf(error) === "session.ended") this.#isStopped = true
    this.#end(startFailed(error))
  }

  async #end(ending) {
    if (this.isOver) return
    const seconds = this.phase === "live" ? (Date.now() - this.startedAt) / 1000 : null
    const { reason, detail, hasFailed } = ending
    this.isOver = true
    this.#session.abort()
    this.#journal.recordPageEvent("page.room_left", { reason: detail || reason })
    this.#enter("ended")
    this.onEnd({ ...ending, seconds })
    this.#session.stop(detail || reason)
    const stored = this.#close()
    if (!this.#isStopped) {
      const answer = await stopUntilHeard(this.#site, ending)
      if (answer) this.#isStopped = true
      if (answer?.end_text && !hasFailed) this.onEnd({ ...ending, text: answer.end_text, seconds })
    }
    await stored
  }

  /** The session goes on in the page that took over, so nothing may be stopped here. */
  #stepAside() {
    this.isOver = true
    this.#isStopped = true
    this.#session.release()
    this.#journal.recordPageEvent("page.room_left", { reason: "duplicate_identity" })
    this.#close()
    this.onElsewhere()
  }

  #close() {
    this.#clearTimers()
    this.#room.leave()
    this.#journal.recordPageEvent("page.closed")
    return this.#socket.finish(FINISH_LIMIT)
  }

  #clearTimers() {
    this.#clearStartTimers()
    this.#absence.close()
  }

  #clearStartTimers() {
    for (const timer of this.#startTimers) clearTimeout(timer)
  }

  #enter(phase) {
    this.phase = phase
    this.onPhase(phase)
  }
}
