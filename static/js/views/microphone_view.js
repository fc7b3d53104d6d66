// The mute button, and what to do when there is no microphone. The conversation works by text all the same.

const TROUBLE = {
  denied:
    "The microphone is blocked, so the avatar cannot hear you. Allow it for this site in your browser, or just type.",
  missing: "No microphone was found, so the avatar cannot hear you. Connect one, or just type.",
}
const INSECURE = "Browsers offer a microphone to pages over HTTPS only. You can type instead."

export class MicrophoneView {
  #mute
  #notice
  #text

  constructor(page, { toggle, tryAgain }) {
    this.#mute = page.querySelector("[data-mute]") // absent with push to talk
    this.#notice = page.querySelector("[data-microphone-notice]")
    this.#text = page.querySelector("[data-microphone-text]")
    this.#mute?.addEventListener("click", toggle)
    page.querySelector("[data-microphone-again]").addEventListener("click", tryAgain)
  }

  enable(enabled) {
    if (this.#mute) this.#mute.disabled = !enabled
  }

  show(state) {
    this.#mute?.setAttribute("aria-pressed", String(state !== "on"))
    this.#notice.hidden = !TROUBLE[state]
    this.#text.textContent = isSecureContext ? (TROUBLE[state] ?? "") : INSECURE
  }
}
