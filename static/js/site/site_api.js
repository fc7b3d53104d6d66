// The session's own addresses at the site.

export class SiteError extends Error {
  name = "SiteError"
  constructor({ code, message, retry = false }, status = null) {
    super(message)
    this.code = code
    this.retry = retry
    this.status = status
  }
}

export class Site {
  #urls
  #csrfToken
  #fetch

  constructor({ urls, csrfToken, fetch = globalThis.fetch.bind(globalThis) }) {
    this.#urls = urls
    this.#csrfToken = csrfToken
    this.#fetch = fetch
  }

  /** Where to join, or what the browser needs to start the session itself. May be asked again. */
  start(signal) {
    return this.#post(this.#urls.start, {}, { signal })
  }

  /** `reason`: "user", "cancelled", "start_failed", "room_lost" or "service_stopped". Resolves to {state, end_reason, end_text}. */
  stop(reason, detail = "") {
    return this.#post(this.#urls.stop, { reason, detail }, { keepalive: true })
  }

  async ticket() {
    return (await this.#post(this.#urls.ticket)).ticket
  }

  /** Hands over the last events while the page goes away; nothing can be awaited any more. */
  leave(frame, leaving) {
    const form = new FormData()
    form.set("csrfmiddlewaretoken", this.#csrfToken)
    form.set("frame", frame)
    if (leaving) form.set("leaving", "1")
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
