// The transcript panel. What was said reaches the page as text, never as HTML.

import { speakerOf, timeOf } from "../conversation/transcript_text.js"

const NEAR_END = 48 // px; a reader this close to the end follows it

export class TranscriptView {
  #panel
  #log
  #jump
  #empty
  #toggle
  #avatarName
  #shown = new Map() // turn id → {turn, article}

  constructor(page, avatarName) {
    this.#panel = page.querySelector("[data-transcript]")
    this.#log = page.querySelector("[data-turns]")
    this.#jump = page.querySelector("[data-jump]")
    this.#empty = page.querySelector("[data-turns-empty]")
    this.#toggle = page.querySelector("[data-transcript-toggle]")
    this.#avatarName = avatarName
    this.#log.replaceChildren()
    this.#log.addEventListener("scroll", () => this.#hideJump(), { passive: true })
    this.#jump.addEventListener("click", () => this.#scrollToEnd())
    this.#toggle.addEventListener("click", () => this.show(!this.isOpen))
    page.querySelector("[data-transcript-close]").addEventListener("click", () => this.show(false))
  }

  get isOpen() {
    return this.#panel.classList.contains("is-open")
  }

  /** Open or close the sheet. On wide screens the panel is always open. */
  show(open) {
    this.#panel.classList.toggle("is-open", open)
    this.#toggle.setAttribute("aria-expanded", String(open))
    if (open) {
      this.#scrollToEnd()
      this.#panel.querySelector("[data-transcript-close]").focus()
    } else {
      this.#toggle.focus()
    }
  }

  /** Show these turns; touches only those that changed, and stays at the end if the reader was there. */
  render(turns) {
    const wasAtEnd = this.#isAtEnd()
    const kept = new Set(turns.map((turn) => turn.id))
    for (const [id, { article }] of this.#shown) if (!kept.has(id)) this.#forget(id, article)
    let changed = false
    let next = null // the article before which a new one is put: a turn may come to stand before later ones
    for (const turn of [...turns].reverse()) {
      changed = this.#put(turn, next) || changed
      next = this.#shown.get(turn.id).article
    }
    this.#empty.hidden = turns.length > 0
    if (changed && wasAtEnd) this.#scrollToEnd()
    else if (changed) this.#jump.hidden = false
  }

  #put(turn, next) {
    const known = this.#shown.get(turn.id)
    if (known?.turn === turn) return false
    const article = known?.article ?? this.#log.insertBefore(this.#articleOf(turn), next)
    article.classList.toggle("turn-interim", !turn.final)
    article.querySelector(".turn-text").textContent = turn.text
    article.querySelector(".turn-mark").hidden = !turn.interrupted
    article.hidden = !turn.text
    this.#shown.set(turn.id, { turn, article })
    return true
  }

  #articleOf(turn) {
    const article = element("article", `turn turn-${turn.role}`)
    const head = element("p", "turn-head")
    const time = element("time", "turn-time", timeOf(turn.at))
    time.dateTime = new Date(turn.at).toISOString()
    head.append(element("span", "turn-speaker", speakerOf(turn, this.#avatarName)), time)
    article.append(head, element("p", "turn-text"), element("p", "turn-mark", "interrupted"))
    return article
  }

  #forget(id, article) {
    article.remove()
    this.#shown.delete(id)
  }

  #hideJump() {
    if (this.#isAtEnd()) this.#jump.hidden = true
  }

  #isAtEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR_END
  }

  #scrollToEnd() {
    this.#log.scrollTop = this.#log.scrollHeight
    this.#jump.hidden = true
  }
}

function element(name, className, text = "") {
  const node = document.createElement(name)
  node.className = className
  node.textContent = text
  return node
}
