// The stage: picture, steps of the start, state word, connection, time and captions.

const STEPS = {
  reserving: "Reserving the avatar…",
  joining: "Joining the room…",
  picture: "Waiting for the first picture…",
}

// LiveKit's grades, in words for people, with the bars that are lit.
const QUALITIES = { excellent: ["Good", 3], good: ["Fair", 2], poor: ["Poor", 1], lost: ["Lost", 0] }

const CAPTION_LENGTH = 110 // characters; about two lines

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
    this.#find("slow").textContent = "This takes longer than usual. It is still trying."
  }

  /** The word is announced by the page's status region, so it is written only when it changes. */
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

  showTime({ text, short }) {
    const time = this.#find("time")
    time.hidden = false
    time.textContent = text
    time.classList.toggle("time-short", short)
  }

  showSoundButton(blocked) {
    this.#find("sound").hidden = !blocked
  }

  /** `turn` is what the avatar is saying, or undefined. */
  showCaption(turn, wanted) {
    const caption = this.#find("captions-text")
    const words = (turn?.heard || turn?.text || "").trim()
    caption.hidden = !wanted || !words
    caption.textContent = words.length > CAPTION_LENGTH ? `…${tail(words)}` : words
  }
}

function tail(words) {
  const end = words.slice(-CAPTION_LENGTH)
  return end.slice(end.indexOf(" "))
}
