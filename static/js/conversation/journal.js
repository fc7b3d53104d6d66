// Everything that happens goes one way: into the outbox for the site, and into the conversation for the page.

import { advance } from "./conversation.js"

export class Journal {
  onChange = () => {}

  #outbox
  #socket

  constructor({ outbox, socket, conversation }) {
    this.#outbox = outbox
    this.#socket = socket
    this.conversation = conversation
  }

  /** A message of the service or to it, whole and verbatim. `direction` is "in" or "out". */
  message(direction, message) {
    this.#add(direction, message.event_type, message)
  }

  /** A message for this page alone: the site has it from somebody else. */
  show(message) {
    this.#advance({ direction: "in", type: message.event_type, payload: message, at: Date.now() })
  }

  /** Something the page itself knows, such as "page.first_frame". */
  note(type, payload = {}) {
    this.#add("page", type, payload)
  }

  #add(direction, type, payload) {
    const event = this.#outbox.post(direction, type, payload)
    this.#socket.flushSoon()
    this.#advance(event)
  }

  #advance(event) {
    const before = this.conversation
    this.conversation = advance(before, event)
    if (this.conversation !== before) this.onChange(this.conversation)
  }
}
