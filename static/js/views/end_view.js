// The end screen: why the conversation ended, how long it lasted, and its transcript to copy or download.

import { fileName, transcriptText } from "../conversation/transcript_text.js"
import { durationInWords } from "./duration.js"

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

  /** Set the turns to copy and to download. */
  setTurns(turns) {
    this.#turns = turns
    this.#find("ended-transcript").hidden = turns.length === 0
  }

  /** Show the ending. `seconds` is null when the conversation never began. A second call replaces the text. */
  show({ text, hasFailed = false, seconds = null }) {
    const ended = this.#find("ended")
    this.#find("ended-title").textContent = hasFailed ? "The conversation did not start" : "Conversation ended"
    this.#find("ended-text").textContent = text
    this.#find("again").textContent = hasFailed ? "Try again" : "Talk again"
    this.#find("ended-length").hidden = seconds === null
    this.#find("ended-length").textContent = seconds === null ? "" : `It lasted ${durationInWords(seconds)}.`
    if (!ended.hidden) return
    ended.hidden = false
    ended.focus()
  }

  /** Another page of the same visitor took the conversation over. */
  showElsewhere() {
    this.show({ text: "This conversation is open in another tab or window." })
    this.#find("ended-title").textContent = "Continued elsewhere"
    const again = this.#find("again")
    again.textContent = "Continue here"
    again.href = location.href
  }

  /** Copy the transcript, and say so in the button's `word` for two seconds. */
  async #copy(word) {
    const before = word.textContent
    try {
      await navigator.clipboard.writeText(transcriptText(this.#turns, this.#avatarName))
      word.textContent = "Copied"
    } catch {
      word.textContent = "Copying is blocked"
    }
    setTimeout(() => {
      word.textContent = before
    }, 2_000)
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
