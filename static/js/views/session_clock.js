// Shows the time spent or left once a second while the call is live, and warns before it runs out.

import { clockReading, dueWarning } from "./duration.js"

const TICK = 1_000 // ms

export class SessionClock {
  #call
  #stage
  #announcer
  #onTick
  #timer = null

  /** `onTick()` is called every second, also before the call is live: "Thinking" gives way without any event. */
  constructor({ call, stage, announcer, onTick }) {
    this.#call = call
    this.#stage = stage
    this.#announcer = announcer
    this.#onTick = onTick
  }

  start() {
    this.#timer = setInterval(() => this.#tick(), TICK)
  }

  stop() {
    clearInterval(this.#timer)
  }

  #tick() {
    this.#onTick()
    const { startedAt, limit, phase } = this.#call
    if (startedAt === null || phase !== "live") return
    const elapsed = (Date.now() - startedAt) / 1000
    this.#stage.showTime(clockReading(elapsed, limit))
    const warning = dueWarning(elapsed - TICK / 1000, elapsed, limit)
    if (warning) this.#announcer.warn(warning)
  }
}
