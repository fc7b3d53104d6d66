// Commands to the avatar (LiveAvatar docs, FULL mode events), recorded in the journal once they are published.

import { uuid } from "../browser/ids.js"

const ASK = "avatar.speak_response"
const SAY = "avatar.speak_text"
const INTERRUPT = "avatar.interrupt"

export class Commands {
  #room
  #journal
  #isOpen

  /** `isOpen()` is false once the call is over. */
  constructor({ room, journal, isOpen }) {
    this.#room = room
    this.#journal = journal
    this.#isOpen = isOpen
  }

  /** Let the avatar answer `text`. */
  ask(text) {
    return this.send(ASK, { text })
  }

  /** Let the avatar say `text` as it is. */
  say(text) {
    return this.send(SAY, { text })
  }

  interrupt() {
    return this.send(INTERRUPT)
  }

  /** Publish a command of any type. Resolves to whether it was sent. */
  async send(type, extra = {}) {
    if (!this.#isOpen()) return false
    const message = { event_id: uuid(), event_type: type, ...extra }
    try {
      await this.#room.send(message)
    } catch (error) {
      this.#journal.recordPageEvent("page.error", { code: "command.unsent", message: `${type}: ${error.message}` })
      return false
    }
    this.#journal.recordMessage("out", message)
    return true
  }
}
