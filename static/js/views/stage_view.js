// The stage: steps of the start, state word, connection quality, and time.

const STEPS = {
  loading: "Loading…",
  reserving: "Reserving the avatar…",
  joining: "Joining the room…",
  picture: "Waiting for the first picture…",
}

// LiveKit's grades in plain words, and the number of lit bars.
const QUALITIES = { excellent: ["Good", 3], good: ["Fair", 2], poor: ["Poor", 1], lost: ["Lost", 0] }

export class StageView {
  #find
  #page

  constructor(page) {
    this.#page = page
    this.#find = (name) => page.querySelector(`[data-${name}]`)
  }

  showPhase(phase) {
    this.#page.dataset.phase = phase
    this.#find("starting-steps").hidden = !STEPS[phase]
    this.#find("step").textContent = STEPS[phase] ?? ""
  }

  showSlow() {
    this.#find("slow").textContent = "This takes longer than usual. Please wait."
  }

  /** Write the word only when it changes: screen readers announce every write to a status region. */
  showState(word) {
    const state = this.#find("state")
    if (state.dataset.word === word && this.#page.dataset.word === word) return
    state.dataset.word = word
    this.#page.dataset.word = word
    this.#find("state-word").textContent = word
    this.#find("reconnecting").hidden = word !== "Reconnecting"
  }

  showQuality(quality) {
    const [word, level] = QUALITIES[quality] ?? []
    const shown = this.#find("quality")
    shown.hidden = !word
    shown.dataset.level = String(level)
    this.#find("quality-word").textContent = word ?? ""
  }

  showTime({ text, isShort }) {
    const time = this.#find("time")
    time.hidden = false
    time.textContent = text
    time.classList.toggle("time-short", isShort)
  }
}
