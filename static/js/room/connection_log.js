// Records in the journal how the connection to the room fares.

export class ConnectionLog {
  #journal
  #lostAt = null // epoch ms at which the room began to reconnect

  constructor(journal) {
    this.#journal = journal
  }

  /** The room reconnects. LiveKit may report one loss twice: of its signalling, and of its media. */
  lost() {
    if (this.#lostAt !== null) return
    this.#lostAt = Date.now()
    this.#journal.recordPageEvent("page.reconnecting")
  }

  restored() {
    if (this.#lostAt === null) return
    this.#journal.recordPageEvent("page.reconnected", { ms: Date.now() - this.#lostAt })
    this.#lostAt = null
  }
}
