// The visitor's microphone: asked for once the room is joined, and never in the way of the conversation.

export class Microphone {
  onState = () => {} // "off", "on", "muted", "denied" or "missing"
  state = "off"

  #room
  #queue = Promise.resolve()

  constructor(room) {
    this.#room = room
  }

  get isLive() {
    return this.state === "on"
  }

  open() {
    return this.#then(async () => this.#enter(await this.#room.openMicrophone()))
  }

  mute() {
    return this.#then(async () => {
      if (!this.isLive) return
      await this.#room.muteMicrophone()
      this.#enter("muted")
    })
  }

  toggle() {
    return this.isLive ? this.mute() : this.open()
  }

  lost() {
    this.#enter("missing")
  }

  /** One change after the other: a mute pressed while the browser still asks must come last. */
  #then(change) {
    this.#queue = this.#queue.then(change)
    return this.#queue
  }

  #enter(state) {
    this.state = state
    this.onState(state)
  }
}
