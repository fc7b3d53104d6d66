// Hold to talk: the vendor opens the window (LiveAvatar docs, push to talk), and the microphone is live only while
// the window is open.

const ANSWER_LIMIT = 5_000 // ms

export class PushToTalk {
  onState = () => {} // "idle", "opening", "talking", "closing" or "refused"

  #commands
  #microphone
  #state = "idle"
  #held = false
  #timer = null

  /** `commands` has send(type); `microphone` has open() and mute(). */
  constructor({ commands, microphone }) {
    this.#commands = commands
    this.#microphone = microphone
  }

  press() {
    if (this.#held) return
    this.#held = true
    if (this.#state === "idle" || this.#state === "refused") this.#ask("opening", "user.start_push_to_talk")
  }

  release() {
    if (!this.#held) return
    this.#held = false
    if (this.#state === "talking") this.#stop()
  }

  /** Take a message type of the vendor. Answers carry no id of their command; the type tells them apart. */
  receive(type) {
    if (type === "user.push_to_talk_started" && this.#state === "opening") {
      if (!this.#held) return this.#stop()
      this.#enter("talking")
      this.#microphone.open()
    } else if (type === "user.push_to_talk_start_failed" && this.#state === "opening") {
      this.#enter("refused")
    } else if (STOP_ANSWERS.has(type) && this.#state === "closing") {
      this.#enter("idle")
      if (this.#held) this.#ask("opening", "user.start_push_to_talk")
    }
  }

  close() {
    clearTimeout(this.#timer)
    this.#held = false
    this.#state = "idle"
  }

  #stop() {
    this.#microphone.mute()
    this.#ask("closing", "user.stop_push_to_talk")
  }

  #ask(state, command) {
    this.#enter(state)
    this.#commands.send(command)
    this.#timer = setTimeout(() => this.#enter(state === "opening" ? "refused" : "idle"), ANSWER_LIMIT)
  }

  #enter(state) {
    clearTimeout(this.#timer)
    this.#state = state
    this.onState(state)
  }
}

// A failed stop closes the window too: the microphone is already muted.
const STOP_ANSWERS = new Set(["user.push_to_talk_stopped", "user.push_to_talk_stop_failed"])
