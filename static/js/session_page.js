// The session's page: builds its parts and connects them.

import "./views/picture_fallback.js"
import { randomHex } from "./browser/ids.js"
import { takeClick } from "./browser/start_click.js"
import { tabStorage } from "./browser/storage.js"
import { allowedActions } from "./call/allowed_actions.js"
import { Call } from "./call/call.js"
import { Commands } from "./call/commands.js"
import { PageLifecycle } from "./call/page_lifecycle.js"
import { begin, isSpeaking } from "./conversation/conversation.js"
import { Journal } from "./conversation/journal.js"
import { AgentTranscription } from "./room/agent_transcription.js"
import { AvatarRoom } from "./room/avatar_room.js"
import { ConnectionLog } from "./room/connection_log.js"
import { Microphone } from "./room/microphone.js"
import { PushToTalk } from "./room/push_to_talk.js"
import { EventSocket } from "./site/event_socket.js"
import { Outbox } from "./site/outbox.js"
import { SiteApi } from "./site/site_api.js"
import { CallView } from "./views/call_view.js"
import { EndView } from "./views/end_view.js"
import { SessionClock } from "./views/session_clock.js"
import { TranscriptView } from "./views/transcript_view.js"

const facts = JSON.parse(document.getElementById("page-data").textContent)
const page = document.querySelector("[data-call]")
const avatarName = facts.avatar.name
const isCustom = facts.mode === "CUSTOM"
const pushesToTalk = facts.interactivity === "PUSH_TO_TALK"
const conversation = begin({ turns: facts.turns, state: facts.turn_state, pushToTalk: pushesToTalk })

const source = `page-${randomHex(8)}`
const site = new SiteApi({ urls: facts.urls, csrfToken: facts.csrf_token })
const outbox = new Outbox()
const socket = new EventSocket({
  url: new URL(facts.urls.socket, location.href.replace(/^http/, "ws")).href,
  source,
  outbox,
  getTicket: () => site.ticket(),
})
const journal = new Journal({ outbox, socket, conversation })

const transcription = isCustom ? new AgentTranscription() : null
const room = new AvatarRoom({
  importLivekit: () => import(document.getElementById("livekit-client").href),
  video: page.querySelector("[data-video]"),
  audio: page.querySelector("[data-audio]"),
  transcription,
})
const connection = new ConnectionLog(journal)
const microphone = new Microphone(room, { startsMuted: pushesToTalk, muted: tabStorage.flag(`muted-${facts.key}`) })
const times = { startedAt: facts.started_at, limit: facts.max_duration }
const call = new Call({ site, room, journal, socket, transcription, ...times })
const commands = new Commands({ room, journal, isOpen: () => !call.isOver })
const pushToTalk = pushesToTalk ? new PushToTalk({ commands, microphone }) : null

const lifecycle = new PageLifecycle({ call, site, socket, outbox, journal, source, onLeave: stop })

const transcript = new TranscriptView(page, avatarName)
const endView = new EndView(page, avatarName)
const actions = { call, commands, room, microphone, pushToTalk }
const view = new CallView(page, { avatarName, turns: conversation.turns, isCustom, transcript, ...actions })
const clock = new SessionClock({ call, stage: view.stage, announcer: view.announcer, onTick: render })

function connectRoom() {
  room.onReconnecting = () => connection.lost()
  room.onReconnected = () => connection.restored()
  room.onAgent = render
  room.onQuality = (quality) => {
    view.stage.showQuality(quality)
    journal.recordPageEvent("page.quality", { quality })
  }
  room.onSound = (isPlaying) => {
    if (call.isOver) return
    view.buttons.showSoundButton(!isPlaying)
    if (!isPlaying) journal.recordPageEvent("page.audio_blocked")
  }
  room.onMicrophoneLost = () => microphone.lost()
  microphone.onState = (state) => {
    if (call.isOver) return
    view.microphone.show(state)
    journal.recordPageEvent("page.microphone", { state })
  }
}

function connectCall() {
  journal.onChange = render
  call.onPhase = (phase) => {
    view.stage.showPhase(phase)
    if (phase === "picture") microphone.request()
    render()
  }
  call.onSlow = () => view.stage.showSlow()
  call.onMessage = ({ event_type: type }) => pushToTalk?.receive(type)
  call.onEnd = (ending) => {
    stop()
    endView.show(ending)
  }
  call.onElsewhere = () => {
    stop()
    view.stage.showPhase("ended")
    endView.showElsewhere()
  }
  socket.onSession = (session) => {
    if (session.state === "ended" || session.state === "failed") call.endedBySite(session)
  }
  socket.onRefused = ({ code, message }) => console.warn(`event refused (${code}): ${message}`)
}

function converse() {
  connectRoom()
  connectCall()
  clock.start()
  socket.open()
  lifecycle.open()
  render()
  // A browser-started session was stopped when the page that ran it went away.
  if (facts.start_mode === "browser" && facts.state === "live") call.endWithItsPage()
  else call.start(takeClick())
}

function render() {
  const { conversation } = journal
  const moment = { phase: call.phase, hasAgent: room.hasAgent, isReconnecting: conversation.reconnecting }
  view.render(conversation, allowedActions({ ...moment, isSpeaking: isSpeaking(conversation, Date.now()) }))
  showTurns(conversation.turns)
}

function showTurns(turns) {
  transcript.render(turns)
  endView.setTurns(turns)
}

function stop() {
  clock.stop()
  pushToTalk?.close()
}

if (facts.state === "ended" || facts.state === "failed") showTurns(conversation.turns)
else converse()
// A page from the back-forward cache has lost its room, and only the site knows the session's state.
addEventListener("pageshow", (event) => event.persisted && location.reload())
