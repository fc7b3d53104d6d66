// Refresh parts of the page with the server's current rendering.
//
// Children of a [data-keyed] list are added and removed by their id. A [data-live] part gets new contents. A part with
// a focused field is not replaced until the field loses focus.

const PAUSE = 300 // milliseconds between two fetches

export class LiveSections {
  #timer = null
  #waiting = false // whether a part was not replaced because of a focused field

  constructor() {
    document.addEventListener("focusout", () => {
      if (this.#waiting) this.refreshSoon()
    })
  }

  /** Refresh after a short pause. Further calls within the pause share one fetch. */
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
      return null // the stream's indicator shows that the simulator is gone
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
    // The focused button was replaced. Focus the part, so that keyboard users do not start at the top of the page.
    part.tabIndex = -1
    part.focus({ preventScroll: true })
  }
  if (part instanceof HTMLSelectElement) {
    part.value = chosen
    if (part.selectedIndex < 0) part.selectedIndex = 0
  }
}
