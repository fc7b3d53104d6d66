// The list of events. The server sends rows as HTML; the newest row is on top.

const KEPT = 1000 // rows in the page

export class EventList {
  #section
  #list
  #form
  #pause
  #held = [] // rows that arrived while the list was paused, oldest first

  constructor(section) {
    this.#section = section
    this.#list = section.querySelector("[data-log]")
    this.#form = section.querySelector("[data-filters]")
    this.#pause = section.querySelector("[data-pause]")
    this.#form.addEventListener("input", () => this.#filter())
    this.#form.addEventListener("submit", (event) => event.preventDefault())
    this.#pause.addEventListener("click", () => this.#togglePause())
  }

  get paused() {
    return this.#pause.getAttribute("aria-pressed") === "true"
  }

  /** Read the stream from entry `last`. Call `onNews` after each row and each (re)connection. */
  follow(indicator, last, onNews) {
    const words = indicator.querySelector("[data-stream-state]")
    const show = (state, text) => {
      indicator.dataset.stream = state
      words.textContent = text
    }
    const source = new EventSource(`/simulator/events/stream?as=html&since=${last}`)
    source.onopen = () => {
      show("open", "Live")
      onNews()
    }
    source.onerror = () => show("lost", "Not connected")
    source.onmessage = (message) => {
      this.#add(message.data)
      onNews()
    }
  }

  /** Make the copy button copy the visible rows as JSON lines, oldest first. */
  copyWith(toast) {
    this.#section.querySelector("[data-copy-events]").addEventListener("click", async () => {
      const shown = [...this.#list.querySelectorAll(".entry:not([hidden]) pre")].reverse()
      const lines = shown.map((pre) => JSON.stringify(JSON.parse(pre.textContent)))
      await toast.copy(lines.join("\n"), lines.length === 1 ? "1 event" : `${lines.length} events`)
    })
  }

  #add(html) {
    if (this.paused) {
      this.#held = [...this.#held, html].slice(-KEPT)
      this.#showPause()
      return
    }
    this.#list.insertAdjacentHTML("afterbegin", html) // the server has escaped all texts
    this.#filter([this.#list.firstElementChild])
    while (this.#list.childElementCount > KEPT) this.#list.lastElementChild.remove()
    this.#section.querySelector("[data-nothing]").hidden = true
  }

  #filter(rows = this.#list.children) {
    const wanted = Object.fromEntries(new FormData(this.#form))
    const text = wanted.q.toLowerCase()
    for (const row of rows) {
      const fits = (name) => !wanted[name] || row.dataset[name] === wanted[name]
      const found = !text || row.textContent.toLowerCase().includes(text)
      row.hidden = !(found && fits("direction") && fits("channel") && fits("session"))
    }
  }

  #togglePause() {
    this.#pause.setAttribute("aria-pressed", String(!this.paused))
    if (!this.paused) {
      const held = this.#held
      this.#held = []
      for (const html of held) this.#add(html)
    }
    this.#showPause()
  }

  #showPause() {
    const waiting = this.#held.length ? ` (${this.#held.length})` : ""
    this.#pause.lastChild.textContent = this.paused ? `Resume${waiting}` : "Pause"
  }
}
