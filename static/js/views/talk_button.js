// The hold-to-talk button: pointer, Space or V. Losing the pointer, the focus or the page releases it too.

const KEYS = new Set(["Space", "KeyV"])

const HINTS = {
  idle: "Hold the button, Space or V while you talk.",
  opening: "One moment…",
  talking: "Speak now. Let go when you are done.",
  closing: "One moment…",
  refused: "The avatar could not listen. Hold again to try again.",
}

export class TalkButton {
  #button
  #hint
  #talk

  /** `talk` is a PushToTalk. */
  constructor(page, talk) {
    this.#button = page.querySelector("[data-talk]")
    this.#hint = page.querySelector("[data-talk-hint]")
    this.#talk = talk
    talk.onState = (state) => this.#show(state)
    this.#listen()
  }

  enable(enabled) {
    this.#button.disabled = !enabled
    if (!enabled) this.#talk.release()
  }

  #listen() {
    const button = this.#button
    const release = () => this.#talk.release()
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return
      button.setPointerCapture(event.pointerId)
      this.#talk.press()
    })
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(type, release)
    button.addEventListener("contextmenu", (event) => event.preventDefault())
    addEventListener("blur", release)
    document.addEventListener("visibilitychange", () => document.hidden && release())
    document.addEventListener("keydown", (event) => {
      if (!this.#isOurs(event)) return
      event.preventDefault()
      if (!event.repeat) this.#talk.press()
    })
    document.addEventListener("keyup", (event) => {
      if (!KEYS.has(event.code)) return
      if (event.target === button) event.preventDefault() // or the button would also be clicked
      release()
    })
  }

  #isOurs(event) {
    if (!KEYS.has(event.code) || event.ctrlKey || event.metaKey || event.altKey || this.#button.disabled) return false
    const { target } = event
    if (target === this.#button) return true
    if (target.matches("textarea, input, select")) return false
    return event.code === "KeyV" || !target.closest("button, a, [role=log]")
  }

  #show(state) {
    this.#button.toggleAttribute("data-talking", state === "talking")
    this.#hint.textContent = HINTS[state]
  }
}
