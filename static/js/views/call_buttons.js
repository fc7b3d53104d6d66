// The buttons that act on the call itself: cancel, interrupt, end, and the one that turns the sound on.

export class CallButtons {
  #find

  /** All are functions without arguments. `end` runs for the End button, `cancel` for the Cancel button. */
  constructor(page, { cancel, end, interrupt, startSound }) {
    this.#find = (name) => page.querySelector(`[data-${name}]`)
    this.#find("cancel").addEventListener("click", cancel)
    this.#find("interrupt").addEventListener("click", interrupt)
    this.#find("sound").addEventListener("click", startSound)
    this.#find("end").addEventListener("submit", (event) => {
      event.preventDefault()
      end()
    })
  }

  enableInterrupt(enabled) {
    this.#find("interrupt").disabled = !enabled
  }

  /** Interrupt as if the button was pressed; a disabled button does nothing. */
  pressInterrupt() {
    this.#find("interrupt").click()
  }

  showSoundButton(isBlocked) {
    this.#find("sound").hidden = !isBlocked
  }
}
