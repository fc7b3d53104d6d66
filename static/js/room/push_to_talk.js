// Hold to talk: the window opens only when the service says so (LiveAvatar docs, push to talk), and the
// microphone is live only while it is open.

const ANSWER_LIMIT = 5_000 // ms

export class PushToTalk {
  onState = () => {} // "idle", "opening", "talking", "closing" or "refused"

  #send
  #setMicrophone
  #state = "idle"
  #held = false
  #timer = null

  /** `send(type)` publishes a command; `setMicrophone(live)` opens or mutes the microphone. */
  constructor({ send, setMicrophone }) {
    this.#send = send
    this.#setMicrophone = setMicrophone
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

  /** An event from the service. Answers are told apart by their type alone; they carry no matching id. */
  receive(type) {
    if (type === "user.push_to_talk_started" && this.#state === "opening") {
      if (!this.#held) return this.#stop()
      this.#enter("talking")
      this.#setMicrophone(true)
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
    this.#setMicrophone(false)
    this.#ask("closing", "user.stop_push_to_talk")
  }

  #ask(state, command) {
    this.#enter(state)
    this.#send(command)
    this.#timer = setTimeout(() => this.#enter(state === "opening" ? "refused" : "idle"), ANSWER_LIMIT)
  }

  #enter(state) {
    clearTimeout(this.#timer)
    this.#state = state
    this.onState(state)
  }
}

// After a failed stop nobody is heard either: the microphone is already muted.
const STOP_ANSWERS = new Set(["user.push_to_talk_stopped", "user.push_to_talk_stop_failed"])
