// Reads to screen readers what the avatar has said, politely, and how much time is left, at once.

export class Announcer {
  #polite = document.querySelector("[data-announce]")
  #alarm = document.querySelector("[data-alarm]")
  #avatarName
  #announced

  /** `turns` are earlier ones, which are not read out again. */
  constructor(avatarName, turns) {
    this.#avatarName = avatarName
    this.#announced = new Set(turns.map((turn) => turn.id))
  }

  /** Read the avatar's turns that are complete now. The visitor's own words need no reading. */
  announce(turns) {
    for (const turn of turns) {
      if (turn.role !== "avatar" || !turn.closed || !turn.text || this.#announced.has(turn.id)) continue
      this.#announced.add(turn.id)
      this.#polite.textContent = `${this.#avatarName}: ${turn.text}`
    }
  }

  warn(text) {
    this.#alarm.textContent = text
  }
}
