// The end screen: why it ended, how long it was, and the transcript to take along.

import { inWords } from "./duration.js"
import { fileName, transcriptText } from "../conversation/transcript_text.js"

export class EndView {
  #find
  #avatarName
  #turns = []

  constructor(page, avatarName) {
    this.#find = (name) => page.querySelector(`[data-${name}]`)
    this.#avatarName = avatarName
    this.#find("download").addEventListener("click", () => this.#download())
    for (const name of ["copy", "ended-copy"]) {
      const button = this.#find(name)
      button.addEventListener("click", () => this.#copy(button.querySelector("[data-copy-word]")))
    }
  }

  /** The turns to copy and to download. */
  take(turns) {
    this.#turns = turns
    this.#find("ended-transcript").hidden = turns.length === 0
  }

  /** `seconds` is null when the conversation never began. May be called again with better words. */
  show({ text, failed = false, seconds = null }) {
    const ended = this.#find("ended")
    this.#find("ended-title").textContent = failed ? "The conversation did not start" : "Conversation ended"
    this.#find("ended-text").textContent = text
    this.#find("again").textContent = failed ? "Try again" : "Talk again"
    this.#find("ended-length").hidden = seconds === null
    this.#find("ended-length").textContent = seconds === null ? "" : `It lasted ${inWords(seconds)}.`
    if (!ended.hidden) return
    ended.hidden = false
    ended.focus()
  }

  /** Another page of the same visitor took the conversation over. */
  showElsewhere() {
    this.show({ text: "The conversation goes on in another tab or window, where it was opened last." })
    this.#find("ended-title").textContent = "Continued elsewhere"
    const again = this.#find("again")
    again.textContent = "Continue here"
    again.href = location.href
  }

  async #copy(word) {
    const before = word.textContent
    try {
      await navigator.clipboard.writeText(transcriptText(this.#turns, this.#avatarName))
      word.textContent = "Copied"
    } catch {
      word.textContent = "Not allowed by the browser"
    }
    setTimeout(() => (word.textContent = before), 2_000)
  }

  #download() {
    const text = transcriptText(this.#turns, this.#avatarName)
    const link = document.createElement("a")
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }))
    link.download = fileName(this.#avatarName, this.#turns[0]?.at ?? Date.now())
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href))
  }
}
