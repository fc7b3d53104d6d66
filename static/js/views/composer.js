// The text box. Enter asks, Shift+Enter makes a new line. The text stays until it was sent.

export class Composer {
  #form
  #message
  #buttons

  /** `ask(text)` and `say(text)` resolve to whether the text was sent. */
  constructor(page, { ask, say }) {
    this.#form = page.querySelector("[data-composer]")
    this.#message = page.querySelector("[data-message]")
    this.#buttons = [page.querySelector("[data-ask]"), page.querySelector("[data-say]")]
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault()
      this.#send(ask)
    })
    this.#buttons[1].addEventListener("click", () => this.#send(say))
    this.#message.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
      event.preventDefault()
      this.#form.requestSubmit()
    })
  }

  enable(enabled) {
    for (const control of [this.#message, ...this.#buttons]) control.disabled = !enabled
    this.#message.placeholder = enabled ? "Type a message" : "Not connected yet"
  }

  async #send(speak) {
    const text = this.#message.value.trim()
    if (text && (await speak(text))) this.#message.value = ""
    this.#message.focus()
  }
}
