// Captions over the picture: what the avatar is saying now. The switch is remembered by the browser.

const LENGTH = 110 // characters; about two lines

export class Captions {
  #button
  #line
  #isOn // a flag {get, set}
  #turn

  constructor(page, isOn) {
    this.#button = page.querySelector("[data-captions]")
    this.#line = page.querySelector("[data-captions-text]")
    this.#isOn = isOn
    this.#button.addEventListener("click", () => {
      isOn.set(!isOn.get())
      this.#render()
    })
    this.#render()
  }

  /** `turn` is the avatar's turn that is being spoken, or undefined. */
  show(turn) {
    this.#turn = turn
    this.#render()
  }

  #render() {
    const isOn = this.#isOn.get()
    const text = captionOf(this.#turn)
    this.#button.setAttribute("aria-pressed", String(isOn))
    this.#line.hidden = !isOn || !text
    this.#line.textContent = text
  }
}

/** The last words of a turn, as far as they were spoken. */
export function captionOf(turn) {
  const words = (turn?.heard || turn?.text || "").trim()
  if (words.length <= LENGTH) return words
  const end = words.slice(-LENGTH)
  return `…${end.slice(end.indexOf(" "))}`
}
