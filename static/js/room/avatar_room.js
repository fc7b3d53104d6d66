// The session's LiveKit room: the avatar's picture and voice, the visitor's microphone, and the two data topics
// of FULL mode (LiveAvatar docs, full-mode events), which our own agent uses as well.

const COMMANDS = "agent-control"
const EVENTS = "agent-response"
const AVATAR = "heygen"
// A LiveKit server may announce a participant that publishes no track seconds late, and no document says that the
// agent must be visible at all: when the avatar has been there for so long, commands are taken to be heard.
const AGENT_PATIENCE = 3_000 // ms

export class RoomError extends Error {
  name = "RoomError"

  constructor(message, cause) {
    super(message, { cause })
  }
}

const HEARING = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }

export class AvatarRoom {
  onEvent = () => {} // one message of the service, parsed
  onReady = () => {} // the agent is there: commands are heard from now on
  onFirstFrame = () => {} // the first decoded picture is on the screen
  onReconnecting = () => {}
  onReconnected = () => {}
  onQuality = () => {} // "excellent", "good", "poor" or "lost"
  onSound = () => {} // false: the browser keeps the voice back until the visitor touches something
  onMicrophoneLost = () => {}
  onMissing = () => {} // true: who is needed for a conversation has left; false: is back
  onLeft = () => {} // the room ended by itself: LiveKit's reason, in lower case

  #loading
  #livekit = null
  #room = null
  #video
  #audio
  #watchingForFrame = false
  #left = false
  #patience = null
  #stream

  /**
   * `loading` promises the livekit-client module; `video` and `audio` are the elements to play in. `stream` is an
   * AgentStream, where an agent of ours tells the transcript.
   */
  constructor({ loading, video, audio, stream = null }) {
    this.#loading = loading
    this.#stream = stream
    this.#loading.catch(() => {}) // told by join()
    this.#video = video
    this.#audio = audio
  }

  /** Resolves when the room is joined; picture and agent come later. */
  async join(url, token) {
    this.#livekit = await this.#loaded()
    if (this.#left) return
    this.#livekit.setLogLevel("warn") // at "info" it also logs the addresses it joins
    this.#room = new this.#livekit.Room({
      adaptiveStream: true,
      dynacast: true,
      disconnectOnPageLeave: false, // it also listens to beforeunload, which may be cancelled; the page does it
      audioCaptureDefaults: HEARING,
    })
    this.#listen()
    this.#stream?.listen(this.#room)
    await this.#room.connect(url, token)
    if (this.#agentIsHere()) this.onReady()
  }

  /** Publish one command, reliably and to everybody, as the web SDK does. */
  async send(command) {
    const bytes = new TextEncoder().encode(JSON.stringify(command))
    await this.#room.localParticipant.publishData(bytes, { reliable: true, topic: COMMANDS })
  }

  /** Must run in a click: browsers let the voice sound only then. */
  async startSound() {
    await this.#room.startAudio()
  }

  /** Resolves to "on", "denied" or "missing"; never throws, for a conversation works by text too. */
  async openMicrophone() {
    if (!navigator.mediaDevices?.getUserMedia) return "missing"
    try {
      await this.#room.localParticipant.setMicrophoneEnabled(true)
      return "on"
    } catch (error) {
      const { MediaDeviceFailure } = this.#livekit
      const denied = MediaDeviceFailure.getFailure(error) === MediaDeviceFailure.PermissionDenied
      return denied ? "denied" : "missing"
    }
  }

  async muteMicrophone() {
    await this.#room.localParticipant.setMicrophoneEnabled(false)
  }

  leave() {
    this.#left = true
    clearTimeout(this.#patience)
    this.#video.removeAttribute("data-live")
    return this.#room?.disconnect()
  }

  async #loaded() {
    try {
      return await this.#loading
    } catch (error) {
      throw new RoomError("A part of this page could not be loaded. Reload the page, or try again later.", error)
    }
  }

  #listen() {
    const { ConnectionState, DisconnectReason, RoomEvent, Track } = this.#livekit
    this.#room
      .on(RoomEvent.DataReceived, (bytes, participant, kind, topic) => {
        if (topic === EVENTS) this.#receive(bytes)
      })
      .on(RoomEvent.TrackSubscribed, (track, publication, participant) => {
        if (participant.identity === AVATAR) this.#show(track)
      })
      .on(RoomEvent.ParticipantConnected, (participant) => {
        if (isAgent(participant)) this.onReady()
        if (this.#isNeeded(participant)) this.onMissing(false)
      })
      .on(RoomEvent.ParticipantDisconnected, (participant) => {
        if (this.#isNeeded(participant)) this.onMissing(true)
      })
      .on(RoomEvent.LocalTrackUnpublished, ({ source }) => {
        const unplugged = source === Track.Source.Microphone && this.#room.state === ConnectionState.Connected
        if (unplugged && !this.#left) this.onMicrophoneLost()
      })
      .on(RoomEvent.ConnectionQualityChanged, (quality, participant) => {
        if (participant === this.#room.localParticipant) this.onQuality(quality)
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.onSound(this.#room.canPlaybackAudio))
      .on(RoomEvent.SignalReconnecting, () => this.onReconnecting())
      .on(RoomEvent.Reconnecting, () => this.onReconnecting())
      .on(RoomEvent.Reconnected, () => this.onReconnected())
      .on(RoomEvent.Disconnected, (reason) => {
        if (!this.#left) this.onLeft((DisconnectReason[reason] ?? "UNKNOWN_REASON").toLowerCase())
      })
  }

  #receive(bytes) {
    let message
    try {
      message = JSON.parse(new TextDecoder().decode(bytes))
    } catch {
      return // not ours to read; the service only ever sends JSON objects
    }
    if (typeof message?.event_type !== "string") return
    this.onReady() // who talks is there
    this.onEvent(message)
  }

  #show(track) {
    const { Track } = this.#livekit
    if (track.kind === Track.Kind.Audio) {
      track.attach(this.#audio)
    } else {
      track.attach(this.#video)
      this.#watchForFrame()
    }
  }

  /** The poster stays until a picture is really there, so that nothing flashes black. */
  #watchForFrame() {
    if (this.#watchingForFrame) return
    this.#watchingForFrame = true
    const seen = () => {
      if (this.#left || this.#video.hasAttribute("data-live")) return
      this.#video.setAttribute("data-live", "")
      this.#patience = setTimeout(() => this.onReady(), AGENT_PATIENCE)
      this.onFirstFrame()
    }
    // A hidden page is sent no picture (adaptive stream) and paints none: there the track itself must do.
    if (document.hidden) return seen()
    this.#video.requestVideoFrameCallback?.(seen)
    this.#video.addEventListener("loadeddata", seen, { once: true })
  }

  /** An agent of ours is replaced by the site, which knows when nobody can take over. */
  #isNeeded(participant) {
    return participant.identity === AVATAR || (isAgent(participant) && !this.#stream)
  }

  #agentIsHere() {
    return [...this.#room.remoteParticipants.values()].some(isAgent)
  }
}

/** Who answers: the service's agent, or ours. Neither is a person, nor the avatar. */
function isAgent({ identity, isAgent: joinedAsAgent }) {
  return identity !== AVATAR && (joinedAsAgent || identity.startsWith("liveavatar-agent-"))
}
