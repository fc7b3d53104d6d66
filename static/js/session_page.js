// The session's page: builds the parts and tells them about each other.

import "./views/picture_fallback.js"
import { AgentStream } from "./room/agent_transcription.js"
import { AgentTools } from "./views/avatar_controls.js"
import { Announcer } from "./views/announcer.js"
import { Call } from "./call/call.js"
import { takeClick } from "./browser/start_click.js"
import { reading, warning } from "./views/duration.js"
import { Composer } from "./views/composer.js"
import { begin, stateWord } from "./conversation/conversation.js"
import { EndView } from "./views/end_view.js"
import { EventSocket } from "./site/event_socket.js"
import { Journal } from "./conversation/journal.js"
import { thisBrowser, thisTab } from "./browser/storage.js"
import { Microphone } from "./room/microphone.js"
import { MicrophoneView } from "./views/microphone_view.js"
import { Outbox } from "./site/outbox.js"
import { PushToTalk } from "./room/push_to_talk.js"
import { AvatarRoom } from "./room/avatar_room.js"
import { Site } from "./site/site_api.js"
import { StageView } from "./views/stage_view.js"
import { TalkButton } from "./views/talk_button.js"
import { TranscriptView } from "./views/transcript_view.js"

const TICK = 1_000 // ms
const FAREWELL_SIZE = 60_000 // bytes; browsers refuse beacons above 64 KiB

class SessionPage {
  #facts
  #page
  #source = `page-${randomHex(8)}`
  #outbox = new Outbox()
  #site
  #socket
  #journal
  #room
  #call
  #microphone
  #talk
  #stage
  #transcript
  #endView
  #announcer
  #composer
  #microphoneView
  #talkButton = null
  #agentTools = null // CUSTOM sessions only
  #agentIsHere = false
  #captions = thisBrowser.get("captions") === "on"
  #lostAt = null // epoch ms at which the room began to reconnect
  #lasted = null // seconds
  #clock = null

  constructor(page, facts) {
    this.#page = page
    this.#facts = facts
    const conversation = begin({ turns: facts.turns, pushToTalk: this.#pushesToTalk })
    this.#transcript = new TranscriptView(page, facts.avatar.name)
    this.#endView = new EndView(page, facts.avatar.name)
    this.#announcer = new Announcer(facts.avatar.name, conversation.turns)
    this.#stage = new StageView(page)
    this.#site = new Site({ urls: facts.urls, csrfToken: facts.csrf_token })
    this.#socket = new EventSocket({
      url: new URL(facts.urls.socket, location.href.replace(/^http/, "ws")).href,
      source: this.#source,
      outbox: this.#outbox,
      getTicket: () => this.#site.ticket(),
    })
    this.#journal = new Journal({ outbox: this.#outbox, socket: this.#socket, conversation })
    this.#transcript.render(conversation.turns)
    this.#endView.take(conversation.turns)
  }

  /** `loading` promises the livekit-client module; the session is reserved while it comes. */
  converse(loading) {
    const stream = this.#facts.mode === "CUSTOM" ? new AgentStream() : null
    this.#room = new AvatarRoom({ loading, video: this.#find("video"), audio: this.#find("audio"), stream })
    this.#microphone = new Microphone(this.#room)
    this.#call = new Call({
      site: this.#site,
      room: this.#room,
      journal: this.#journal,
      socket: this.#socket,
      stream,
      startedAt: this.#facts.started_at,
      limit: this.#facts.max_duration,
    })
    this.#wireControls()
    this.#wireRoom()
    this.#wireCall()
    this.#wirePage()
    this.#clock = setInterval(() => this.#tick(), TICK)
    this.#begin()
  }

  get #pushesToTalk() {
    return this.#facts.interactivity === "PUSH_TO_TALK"
  }

  #begin() {
    this.#socket.open()
    this.#journal.note("page.opened", {
      user_agent: navigator.userAgent,
      width: innerWidth,
      height: innerHeight,
      visibility: document.visibilityState,
    })
    this.#render()
    // A session of the browser's own was stopped by it when its earlier page went away.
    if (this.#facts.start_mode === "browser" && this.#facts.state === "live") this.#call.endWithItsPage()
    else this.#call.begin(takeClick())
  }

  #wireControls() {
    const call = this.#call
    const askForMicrophone = () => this.#askForMicrophone()
    this.#composer = new Composer(this.#page, {
      ask: (text) => call.ask(text),
      say: (text) => call.say(text),
    })
    this.#microphoneView = new MicrophoneView(this.#page, {
      toggle: () => this.#toggleMicrophone(),
      tryAgain: askForMicrophone,
    })
    if (this.#pushesToTalk) {
      this.#talk = new PushToTalk({
        send: (type) => call.command(type),
        setMicrophone: (live) => (live ? this.#microphone.open() : this.#microphone.mute()),
      })
      this.#talkButton = new TalkButton(this.#page, this.#talk)
    }
    if (this.#facts.mode === "CUSTOM") this.#agentTools = new AgentTools(this.#page, (type) => call.command(type))
    this.#find("cancel").addEventListener("click", () => call.cancel())
    this.#find("interrupt").addEventListener("click", () => call.interrupt())
    this.#find("sound").addEventListener("click", () => this.#room.startSound())
    this.#find("captions").addEventListener("click", () => this.#showCaptions(!this.#captions))
    this.#find("end").addEventListener("submit", (event) => {
      event.preventDefault()
      if (call.phase === "live") call.end()
      else call.cancel()
    })
    this.#showCaptions(this.#captions)
  }

  #wireRoom() {
    const room = this.#room
    const note = (type, payload) => this.#journal.note(type, payload)
    room.onReady = () => {
      if (this.#agentIsHere) return
      this.#agentIsHere = true
      this.#render()
    }
    room.onReconnecting = () => {
      if (this.#lostAt !== null) return
      this.#lostAt = Date.now()
      note("page.reconnecting")
    }
    room.onReconnected = () => {
      if (this.#lostAt === null) return
      note("page.reconnected", { ms: Date.now() - this.#lostAt })
      this.#lostAt = null
    }
    room.onQuality = (quality) => {
      this.#stage.showQuality(quality)
      note("page.quality", { quality })
    }
    room.onSound = (sounds) => {
      if (this.#call.over) return
      this.#stage.showSoundButton(!sounds)
      if (!sounds) note("page.audio_blocked")
    }
    room.onMicrophoneLost = () => this.#microphone.lost()
    this.#microphone.onState = (state) => {
      if (this.#call.over) return
      this.#microphoneView.show(state)
      note("page.microphone", { state })
    }
  }

  #wireCall() {
    const call = this.#call
    this.#journal.onChange = () => this.#render()
    call.onPhase = (phase) => {
      this.#stage.showPhase(phase)
      if (phase === "picture") this.#askForMicrophone()
      this.#render()
    }
    call.onSlow = () => this.#stage.showSlow()
    call.onEvent = ({ event_type: type }) => this.#talk?.receive(type)
    call.onEnd = ({ text, failed }) => {
      this.#stop()
      const talked = this.#journal.conversation.joined && call.startedAt !== null
      this.#lasted ??= talked ? (Date.now() - call.startedAt) / 1000 : null
      this.#endView.show({ text, failed, seconds: this.#lasted })
    }
    call.onElsewhere = () => {
      this.#stop()
      this.#stage.showPhase("ended")
      this.#endView.showElsewhere()
    }
    this.#socket.onSession = (session) => {
      if (session.state === "ended" || session.state === "failed") call.endedBySite(session)
    }
    this.#socket.onRefused = ({ code, message }) => console.warn(`event refused (${code}): ${message}`)
  }

  #wirePage() {
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return
      if (this.#transcript.isOpen) this.#transcript.show(false)
      else if (!this.#find("interrupt").disabled) this.#call.interrupt()
    })
    document.addEventListener("visibilitychange", () =>
      this.#journal.note("page.visibility", { state: document.visibilityState }),
    )
    addEventListener("online", () => this.#socket.wake())
    addEventListener("pagehide", () => this.#leave())
  }

  /** With push to talk too, so that the browser's question does not swallow the first hold. */
  async #askForMicrophone() {
    await this.#microphone.open()
    if (this.#pushesToTalk || thisTab.get(this.#mutedKey) === "yes") await this.#microphone.mute()
  }

  async #toggleMicrophone() {
    await this.#microphone.toggle()
    thisTab.set(this.#mutedKey, this.#microphone.state === "muted" ? "yes" : "")
  }

  /** Who muted the microphone stays muted when the page is loaded again. */
  get #mutedKey() {
    return `muted-${this.#facts.key}`
  }

  #render() {
    const { conversation } = this.#journal
    const isLive = this.#call.phase === "live" && !conversation.reconnecting
    const commandable = isLive && this.#agentIsHere
    const speaking = conversation.turns.findLast((turn) => turn.role === "avatar" && !turn.closed)
    this.#stage.showState(stateWord(conversation, Date.now()))
    this.#stage.showCaption(speaking, this.#captions)
    this.#find("interrupt").disabled = !commandable || !conversation.avatarSpeaking
    this.#composer.enable(commandable)
    this.#microphoneView.enable(isLive)
    this.#talkButton?.enable(commandable)
    this.#agentTools?.enable(commandable)
    this.#transcript.render(conversation.turns)
    this.#announcer.tell(conversation.turns)
    this.#endView.take(conversation.turns)
  }

  #tick() {
    this.#render() // "Thinking" gives way after a while without any event
    const { startedAt, limit, phase } = this.#call
    if (startedAt === null || phase !== "live") return
    const elapsed = (Date.now() - startedAt) / 1000
    this.#stage.showTime(reading(elapsed, limit))
    const due = warning(elapsed - TICK / 1000, elapsed, limit)
    if (due) this.#announcer.warn(due)
  }

  #showCaptions(wanted) {
    this.#captions = wanted
    thisBrowser.set("captions", wanted ? "on" : "off")
    this.#find("captions").setAttribute("aria-pressed", String(wanted))
    this.#render()
  }

  #stop() {
    clearInterval(this.#clock)
    this.#talk?.close()
  }

  #leave() {
    const leaving = this.#call.mustBeStopped
    if (!this.#call.over) this.#call.leave()
    if (leaving || this.#outbox.size > 0) {
      this.#site.leave(this.#outbox.farewell(this.#source, FAREWELL_SIZE), leaving)
    }
    this.#socket.close()
    this.#stop()
  }

  #find(name) {
    return this.#page.querySelector(`[data-${name}]`)
  }
}

function randomHex(bytes) {
  const values = crypto.getRandomValues(new Uint8Array(bytes))
  return Array.from(values, (value) => value.toString(16).padStart(2, "0")).join("")
}

const facts = JSON.parse(document.getElementById("page-data").textContent)
const sessionPage = new SessionPage(document.querySelector("[data-call]"), facts)
// A page out of the back-forward cache has lost its room, and the site knows how the session stands.
addEventListener("pageshow", (event) => event.persisted && location.reload())
if (facts.state !== "ended" && facts.state !== "failed") {
  sessionPage.converse(import(document.getElementById("livekit-client").href))
}
