// A line at the bottom of the page that reports success or failure of an action.

const SHOWN = 4000 // milliseconds

export class Toast {
  #element
  #timer = null

  constructor(element) {
    this.#element = element
  }

  say(text) {
    this.#show(text, false)
  }

  complain(text) {
    this.#show(text, true)
  }

  async copy(text, what) {
    try {
      await navigator.clipboard.writeText(text)
      this.say(`Copied ${what}`)
    } catch {
      this.complain("The browser blocked copying. Select the text and copy it yourself.")
    }
  }

  #show(text, bad) {
    clearTimeout(this.#timer)
    this.#element.toggleAttribute("data-bad", bad)
    this.#element.textContent = text
    this.#timer = setTimeout(() => this.#element.replaceChildren(), bad ? 2 * SHOWN : SHOWN)
  }
}
