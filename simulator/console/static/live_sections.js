// Parts of the page that change by themselves are fetched anew, as the server renders them.
//
// Under [data-keyed] children come and go by their id; a [data-live] part gets the contents of its new self. What
// somebody is using is left alone until they leave it.

const PAUSE = 300 // milliseconds between two fetches

export class LiveSections {
  #timer = null
  #waiting = false // whether a part was left alone because somebody is typing in it

  constructor() {
    document.addEventListener("focusout", () => {
      if (this.#waiting) this.refreshSoon()
    })
  }

  /** Fetch in a moment; calls that follow shortly are served by the same fetch. */
  refreshSoon() {
    this.#timer ??= setTimeout(() => this.refresh(), PAUSE)
  }

  async refresh() {
    clearTimeout(this.#timer)
    this.#timer = null
    const page = await this.#fetch()
    if (page === null) return
    for (const list of document.querySelectorAll("[data-keyed]")) keep(list, page.getElementById(list.id))
    this.#waiting = false
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = page.getElementById(part.id)
      if (next === null || next.innerHTML === part.innerHTML) continue
      if (isTyping(part)) this.#waiting = true
      else update(part, next)
    }
  }

  async #fetch() {
    try {
      const response = await fetch("/simulator/", { headers: { Accept: "text/html" } })
      return response.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null
    } catch {
      return null // the stream says that the simulator is gone
    }
  }
}

function keep(list, next) {
  for (const child of [...list.children]) {
    if (!next.querySelector(`:scope > #${CSS.escape(child.id)}`)) child.remove()
  }
  for (const child of [...next.children]) {
    if (!document.getElementById(child.id)) list.prepend(document.adoptNode(child))
  }
}

function isTyping(part) {
  return part.contains(document.activeElement) && document.activeElement.matches("input, select")
}

function update(part, next) {
  const chosen = part.value
  const hadFocus = part.contains(document.activeElement)
  part.replaceChildren(...next.childNodes)
  if (hadFocus) {
    // What was pressed is gone: the keyboard goes on from here, not from the top of the page.
    part.tabIndex = -1
    part.focus({ preventScroll: true })
  }
  if (part instanceof HTMLSelectElement) {
    part.value = chosen
    if (part.selectedIndex < 0) part.selectedIndex = 0
  }
}
