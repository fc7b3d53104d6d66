// The start of the session: by the site, or by the browser itself with the token that the site minted for it.

import { VendorSession } from "./vendor_session.js"

export class SessionStart {
  #site
  #journal
  #abort = new AbortController()
  #vendorSession = null // only when the browser starts the session

  constructor({ site, journal }) {
    this.#site = site
    this.#journal = journal
  }

  /** Start the session. Resolves to {livekit_url, livekit_client_token, max_session_duration}. */
  async run() {
    const answer = await this.#site.start(this.#abort.signal)
    if (!answer.api_url) return answer
    this.#vendorSession = new VendorSession({ apiUrl: answer.api_url, token: answer.session_token })
    const grant = await this.#vendorSession.start(this.#abort.signal)
    this.#journal.recordPageEvent("page.session_started", { session_id: grant.session_id })
    return grant
  }

  /** Give up a start that is under way. */
  abort() {
    this.#abort.abort()
  }

  /** Stop a session that the browser started. The site stops every other one. */
  stop(reason) {
    if (!this.#vendorSession) return
    this.#journal.recordPageEvent("page.session_stopped", { reason })
    this.#vendorSession.stop()
  }

  /** Leave a session that the browser started to the page that took it over. */
  release() {
    this.#vendorSession?.close()
  }
}
