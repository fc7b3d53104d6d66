// How long the avatar, or the agent that answers, may be away before the call is given up.

const LIMIT = 15_000 // ms; a short absence is no end, because the vendor may restart an avatar

export class Absence {
  #onChange
  #onTimeout
  #timer = null

  /** `onChange(isAbsent)` is called once per change, `onTimeout()` when the absence lasts too long. */
  constructor({ onChange, onTimeout }) {
    this.#onChange = onChange
    this.#onTimeout = onTimeout
  }

  set(isAbsent) {
    if (isAbsent === (this.#timer !== null)) return
    this.close()
    if (isAbsent) this.#timer = setTimeout(this.#onTimeout, LIMIT)
    this.#onChange(isAbsent)
  }

  close() {
    clearTimeout(this.#timer)
    this.#timer = null
  }
}
