// The session's LiveKit room: the avatar's picture and voice, the visitor's microphone, and the two data topics
// of FULL mode (LiveAvatar docs, FULL mode events). The agent of a CUSTOM session uses the same topics.

const COMMANDS = "agent-control"
const EVENTS = "agent-response"
const AVATAR = "heygen"
// A LiveKit server may announce a participant without tracks seconds late, and the vendor does not promise that its
// agent is visible at all: this long after the first picture, commands are taken to be heard.
const AGENT_PATIENCE = 3_000 // ms
const AUDIO_CAPTURE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
const NOT_LOADED = "A part of this page could not be loaded. Check your connection, then try again."

/** The room cannot be used. The message is a sentence for the visitor. */
export class RoomError extends Error {
  name = "RoomError"

  constructor(code, message, cause) {
    super(message, { cause })
    this.code = code
  }
}

export class AvatarRoom {
  onMessage = () => {} // one message of the vendor, parsed
  onAgent = () => {} // an agent is there: commands are heard from now on
  onFirstFrame = () => {} // the first decoded picture is on the screen
  onReconnecting = () => {}
  onReconnected = () => {}
  onQuality = () => {} // "excellent", "good", "poor" or "lost"
  onSound = () => {} // false: the browser plays no sound until the visitor clicks
  onMicrophoneLost = () => {}
  onAbsence = () => {} // true: the avatar or the agent has left; false: it is back
  onLeft = () => {} // the room ended by itself: LiveKit's reason, in lower case

  hasAgent = false

  #importLivekit
  #livekit = null
  #room = null
  #video
  #audio
  #watchingForFrame = false
  #hasLeft = false
  #patience = null
  #transcription

  /**
   * `importLivekit` imports the livekit-client module; `video` and `audio` are the elements to play in.
   * `transcription` is the AgentTranscription of a CUSTOM session.
   */
  constructor({ importLivekit, video, audio, transcription = null }) {
    this.#importLivekit = importLivekit
    this.#video = video
    this.#audio = audio
    this.#transcription = transcription
  }

  /** Load the livekit-client module. Throws RoomError when the browser could not load it. */
  async load() {
    try {
      this.#livekit = await this.#importLivekit()
    } catch (error) {
      throw new RoomError("livekit.not_loaded", NOT_LOADED, error)
    }
    this.#livekit.setLogLevel("warn") // at "info" it also logs the addresses it joins
  }

  /** Join the room, after load(). Picture and agent come later. */
  async join(url, token) {
    if (this.#hasLeft) return
    this.#room = new this.#livekit.Room({
      adaptiveStream: true,
      dynacast: true,
      disconnectOnPageLeave: false, // LiveKit would also leave on beforeunload, which the visitor may cancel
      audioCaptureDefaults: AUDIO_CAPTURE,
    })
    this.#listen()
    this.#transcription?.listen(this.#room)
    await this.#room.connect(url, token)
    if ([...this.#room.remoteParticipants.values()].some(isAgent)) this.#agentIsHere()
  }

  /** Publish one command, reliably and to all participants, as the web SDK does. */
  async send(command) {
    const bytes = new TextEncoder().encode(JSON.stringify(command))
    await this.#room.localParticipant.publishData(bytes, { reliable: true, topic: COMMANDS })
  }

  /** Play the avatar's voice. Must run in a click: browsers block sound otherwise. */
  async startSound() {
    await this.#room.startAudio()
  }

  /** Publish the microphone. Resolves to "on", "denied" or "missing"; never throws. */
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
    this.#hasLeft = true
    clearTimeout(this.#patience)
    this.#video.removeAttribute("data-live")
    return this.#room?.disconnect()
  }

  #listen() {
    const { ConnectionState, DisconnectReason, RoomEvent, Track } = this.#livekit
    this.#room
      .on(RoomEvent.DataReceived, (bytes, _participant, _kind, topic) => {
        if (topic === EVENTS) this.#receive(bytes)
      })
      .on(RoomEvent.TrackSubscribed, (track, _publication, participant) => {
        if (participant.identity === AVATAR) this.#show(track)
      })
      .on(RoomEvent.ParticipantConnected, (participant) => {
        if (isAgent(participant)) this.#agentIsHere()
        if (this.#isNeeded(participant)) this.onAbsence(false)
      })
      .on(RoomEvent.ParticipantDisconnected, (participant) => {
        if (this.#isNeeded(participant)) this.onAbsence(true)
      })
      .on(RoomEvent.LocalTrackUnpublished, ({ source }) => {
        const unplugged = source === Track.Source.Microphone && this.#room.state === ConnectionState.Connected
        if (unplugged && !this.#hasLeft) this.onMicrophoneLost()
      })
      .on(RoomEvent.ConnectionQualityChanged, (quality, participant) => {
        if (participant === this.#room.localParticipant) this.onQuality(quality)
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.onSound(this.#room.canPlaybackAudio))
      .on(RoomEvent.SignalReconnecting, () => this.onReconnecting())
      .on(RoomEvent.Reconnecting, () => this.onReconnecting())
      .on(RoomEvent.Reconnected, () => this.onReconnected())
      .on(RoomEvent.Disconnected, (reason) => {
        if (!this.#hasLeft) this.onLeft((DisconnectReason[reason] ?? "UNKNOWN_REASON").toLowerCase())
      })
  }

  #receive(bytes) {
    let message
    try {
      message = JSON.parse(new TextDecoder().decode(bytes))
    } catch {
      return // the vendor sends JSON objects only
    }
    if (typeof message?.event_type !== "string") return
    this.#agentIsHere() // or it could not have sent the message
    this.onMessage(message)
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

  /** Keep the poster until a picture is decoded, so that the stage does not flash black. */
  #watchForFrame() {
    if (this.#watchingForFrame) return
    this.#watchingForFrame = true
    const seen = () => {
      if (this.#hasLeft || this.#video.hasAttribute("data-live")) return
      this.#video.setAttribute("data-live", "")
      this.#patience = setTimeout(() => this.#agentIsHere(), AGENT_PATIENCE)
      this.onFirstFrame()
    }
    // A hidden page gets no picture (adaptive stream) and paints none: there the track counts as the picture.
    if (document.hidden) return seen()
    this.#video.requestVideoFrameCallback?.(seen)
    this.#video.addEventListener("loadeddata", seen, { once: true })
  }

  /** The site replaces a lost agent of a CUSTOM session, and ends the session when no agent can take over. */
  #isNeeded(participant) {
    return participant.identity === AVATAR || (isAgent(participant) && !this.#transcription)
  }

  #agentIsHere() {
    if (this.hasAgent) return
    this.hasAgent = true
    this.onAgent()
  }
}

/** True for the agent that answers: the vendor's in FULL mode, the site's own in CUSTOM mode. */
function isAgent({ identity, isAgent: joinedAsAgent }) {
  return identity !== AVATAR && (joinedAsAgent || identity.startsWith("liveavatar-agent-"))
}
