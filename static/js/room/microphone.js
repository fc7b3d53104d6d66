// The visitor's microphone: asked for once the room is joined. The conversation works by text without it.

export class Microphone {
  onState = () => {} // "off", "on", "muted", "denied" or "missing"
  state = "off"

  #room
  #startsMuted
  #muted
  #queue = Promise.resolve()

  /**
   * `startsMuted` is for push to talk: there, too, the browser asks the visitor at the start, because its question
   * would swallow the first hold. `muted` is a flag {get, set} that remembers the visitor's mute across reloads.
   */
  constructor(room, { startsMuted = false, muted = { get: () => false, set() {} } } = {}) {
    this.#room = room
    this.#startsMuted = startsMuted
    this.#muted = muted
  }

  get isLive() {
    return this.state === "on"
  }

  /** Ask the browser for the microphone. Mute it at once where it starts muted or was muted before a reload. */
  async request() {
    await this.open()
    if (this.#startsMuted || this.#muted.get()) await this.mute()
  }

  /** Mute or open the microphone, and remember the visitor's choice. */
  async toggle() {
    await (this.isLive ? this.mute() : this.open())
    this.#muted.set(this.state === "muted")
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

  /** The device was unplugged. */
  lost() {
    this.#enter("missing")
  }

  /** Make one change after the other: a mute pressed while the browser still asks must come last. */
  #then(change) {
    this.#queue = this.#queue.then(change)
    return this.#queue
  }

  #enter(state) {
    this.state = state
    this.onState(state)
  }
}
