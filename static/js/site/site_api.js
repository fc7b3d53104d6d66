// The calls that the session's page makes to the site over HTTP.

/** The site refused a call or could not be reached. The message is a sentence for the visitor. */
export class SiteError extends Error {
  name = "SiteError"

  /** `retry` is true when the same call may succeed later. */
  constructor({ code, message, retry = false }, status = null) {
    super(message)
    this.code = code
    this.retry = retry
    this.status = status
  }
}

export class SiteApi {
  #urls
  #csrfToken
  #fetch

  constructor({ urls, csrfToken, fetch = globalThis.fetch.bind(globalThis) }) {
    this.#urls = urls
    this.#csrfToken = csrfToken
    this.#fetch = fetch
  }

  /**
   * Start the session; a repeated call gets the same answer. Resolves to {livekit_url, livekit_client_token,
   * max_session_duration}, or to {api_url, session_token} when the browser must start the session itself.
   */
  start(signal) {
    return this.#post(this.#urls.start, {}, { signal })
  }

  /**
   * Stop the session. `reason` is "user", "cancelled", "start_failed", "room_lost" or "service_stopped".
   * Resolves to {state, end_reason, end_text}.
   */
  stop(reason, detail = "") {
    return this.#post(this.#urls.stop, { reason, detail }, { keepalive: true })
  }

  /** Get a one-time ticket for the websocket. */
  async ticket() {
    return (await this.#post(this.#urls.ticket)).ticket
  }

  /** Hand over the last events while the page goes away: a beacon, because no answer can be awaited any more. */
  leave(frame, isLeaving) {
    const form = new FormData()
    form.set("csrfmiddlewaretoken", this.#csrfToken)
    form.set("frame", frame)
    if (isLeaving) form.set("leaving", "1")
    return navigator.sendBeacon(this.#urls.beacon, form)
  }

  async #post(url, body = {}, options = {}) {
    let response
    try {
      response = await this.#fetch(url, {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.#csrfToken },
        body: JSON.stringify(body),
        ...options,
      })
    } catch (error) {
      if (error.name === "AbortError") throw error
      throw new SiteError({ code: "site.unreachable", message: UNREACHABLE, retry: true })
    }
    const answer = await response.json().catch(() => ({}))
    if (response.ok) return answer
    throw new SiteError(answer.error ?? { code: "site.error", message: BROKEN, retry: true }, response.status)
  }
}

const UNREACHABLE = "The site could not be reached. Check your connection and try again."
const BROKEN = "The site had a problem and could not answer. Try again in a moment."
