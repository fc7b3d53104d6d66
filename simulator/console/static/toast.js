// One line at the bottom that says what was done, or why not.

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
      this.complain("This browser does not let the page copy. Select the text and copy it yourself.")
    }
  }

  #show(text, bad) {
    clearTimeout(this.#timer)
    this.#element.toggleAttribute("data-bad", bad)
    this.#element.textContent = text
    this.#timer = setTimeout(() => this.#element.replaceChildren(), bad ? 2 * SHOWN : SHOWN)
  }
}
