// The mute button, and a notice when the browser gives no microphone.

const NOTICES = {
  denied: "The microphone is blocked, so the avatar cannot hear you. Allow it for this site in your browser, or type.",
  missing: "No microphone was found, so the avatar cannot hear you. Connect one, or type.",
}
const INSECURE = "The browser gives the microphone to HTTPS pages only. You can type instead."

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
    this.#notice.hidden = !NOTICES[state]
    this.#text.textContent = isSecureContext ? (NOTICES[state] ?? "") : INSECURE
  }
}
