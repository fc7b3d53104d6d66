// The one way for events: into the outbox for the site, and into the conversation for the page.

import { advance } from "./conversation.js"

export class Journal {
  onChange = () => {} // the conversation changed

  #outbox
  #socket

  constructor({ outbox, socket, conversation }) {
    this.#outbox = outbox
    this.#socket = socket
    this.conversation = conversation
  }

  /** Record a message to or from the vendor, whole and verbatim. `direction` is "in" or "out". */
  recordMessage(direction, message) {
    this.#record(direction, message.event_type, message)
  }

  /** Record an event of the page itself, such as "page.first_frame". */
  recordPageEvent(type, payload = {}) {
    this.#record("page", type, payload)
  }

  /** Show a message on this page only: the agent reports it to the site itself. */
  showMessage(message) {
    this.#advance({ direction: "in", type: message.event_type, payload: message, at: Date.now() })
  }

  #record(direction, type, payload) {
    const event = this.#outbox.post(direction, type, payload)
    this.#socket.flushSoon()
    this.#advance(event)
  }

  #advance(event) {
    const before = this.conversation
    this.conversation = advance(before, event)
    if (this.conversation !== before) this.onChange()
  }
}
