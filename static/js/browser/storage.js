// What the browser keeps for us. It refuses where cookies are blocked; things are then simply forgotten.

class Memory {
  #storage

  /** `storage` is a function, because even naming the storage may be refused. */
  constructor(storage) {
    this.#storage = storage
  }

  get(name) {
    try {
      return this.#storage().getItem(name)
    } catch {
      return null
    }
  }

  set(name, value) {
    try {
      this.#storage().setItem(name, value)
    } catch {
      // It holds until the page is closed.
    }
  }

  take(name) {
    const value = this.get(name)
    this.set(name, "")
    return value
  }
}

export const thisBrowser = new Memory(() => localStorage)
export const thisTab = new Memory(() => sessionStorage)
