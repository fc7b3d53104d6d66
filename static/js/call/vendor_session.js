// A session that the browser itself starts, keeps alive and stops at the vendor, with the session's own token
// (LiveAvatar API /v1/sessions/*; requests as web SDK 0.0.18 makes them: bearer, no body, credentials).

const KEEP_ALIVE_EVERY = 60_000 // ms; idle sessions were seen to end after about 200 s
const SUCCESS = 1000

export class VendorError extends Error {
  name = "VendorError"
  constructor(message, { code = null, status = null } = {}) {
    super(message)
    this.code = code
    this.status = status
  }
}

export class VendorSession {
  #apiUrl
  #token
  #fetch
  #keepAlive = null
  #stopped = false

  constructor({ apiUrl, token, fetch = globalThis.fetch.bind(globalThis) }) {
    this.#apiUrl = apiUrl.replace(/\/+$/, "")
    this.#token = token
    this.#fetch = fetch
  }

  /**
   * Start the session and its keep-alive. Resolves to the vendor's answer: session_id, livekit_url,
   * livekit_client_token, max_session_duration. Throws VendorError with a sentence for the visitor.
   */
  async start(signal) {
    const room = await this.#post("start", { signal })
    if (!this.#stopped) this.#keepAlive = setInterval(() => this.#stayAlive(), KEEP_ALIVE_EVERY)
    return room
  }

  /** Stop the session, also while the page goes away. A failed stop is not an error. */
  async stop() {
    if (this.#stopped) return
    this.#stopped = true
    this.close()
    try {
      await this.#post("stop", { keepalive: true })
    } catch (error) {
      if (!(error instanceof VendorError)) throw error
      // The site stops the session with its own key as soon as it hears of the end.
    }
  }

  /** End the keep-alive, and leave the session open. */
  close() {
    clearInterval(this.#keepAlive)
    this.#keepAlive = null
  }

  async #stayAlive() {
    try {
      await this.#post("keep-alive")
    } catch (error) {
      if (!(error instanceof VendorError)) throw error
      // One lost keep-alive does no harm, and the room reports the end of a session.
    }
  }

  async #post(verb, options = {}) {
    let response
    try {
      response = await this.#fetch(`${this.#apiUrl}/v1/sessions/${verb}`, {
        method: "POST",
        credentials: "include",
        headers: { Authorization: `Bearer ${this.#token}`, "Content-Type": "application/json" },
        ...options,
      })
    } catch (error) {
      if (error.name === "AbortError") throw error
      throw new VendorError(UNREACHABLE)
    }
    const answer = await response.json().catch(() => ({}))
    if (response.ok && answer.code === SUCCESS) return answer.data
    throw new VendorError(sentenceFor(answer.code, response.status), {
      code: answer.code,
      status: response.status,
    })
  }
}

const UNREACHABLE =
  "Your browser could not reach the avatar service. Check your connection, or let the site start the avatar."

const BY_CODE = {
  4003: "The avatar service no longer accepts this start. Go back and press Start again.",
  4032: "Too many conversations are running at the avatar service. Try again in a minute.",
  4033: "The site's credits with the avatar service are used up. Please tell the people who run this site.",
}

const BY_STATUS = {
  401: BY_CODE[4003],
  403: BY_CODE[4003],
  404: "The avatar service no longer knows this session. Go back and press Start again.",
  429: "The avatar service is busy. Try again in a minute.",
}

function sentenceFor(code, status) {
  const sentence = BY_CODE[code] ?? BY_STATUS[status]
  if (sentence) return sentence
  if (status >= 500) return "The avatar service has a problem. Try again in a moment."
  return "The avatar service refused to start the conversation. Choose other options and try again."
}
