// Values that the browser keeps for this site. Where it refuses (cookies blocked), nothing is remembered.

class BrowserStorage {
  #open

  /** `open` returns the Storage; it is a function because even naming the storage may throw. */
  constructor(open) {
    this.#open = open
  }

  get(name) {
    try {
      return this.#open().getItem(name)
    } catch {
      return null
    }
  }

  set(name, value) {
    try {
      this.#open().setItem(name, value)
    } catch {
      // The value holds until the page is closed.
    }
  }

  take(name) {
    const value = this.get(name)
    this.set(name, "")
    return value
  }

  /** A remembered switch: {get, set} of a boolean, false at first. */
  flag(name) {
    let isOn = this.get(name) === "on"
    const set = (on) => {
      isOn = on
      this.set(name, on ? "on" : "off")
    }
    return { get: () => isOn, set }
  }
}

export const browserStorage = new BrowserStorage(() => localStorage)
export const tabStorage = new BrowserStorage(() => sessionStorage)
