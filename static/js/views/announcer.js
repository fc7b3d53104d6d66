// Reads to screen readers what is settled: final turns politely, time running out at once.

export class Announcer {
  #polite = document.querySelector("[data-announce]")
  #alarm = document.querySelector("[data-alarm]")
  #avatarName
  #told

  /** `turns` are known already and not read out. */
  constructor(avatarName, turns) {
    this.#avatarName = avatarName
    this.#told = new Set(turns.map((turn) => turn.id))
  }

  /** The visitor's own words need no reading; the avatar's are read once they are complete. */
  tell(turns) {
    for (const turn of turns) {
      if (turn.role !== "avatar" || !turn.closed || this.#told.has(turn.id)) continue
      this.#told.add(turn.id)
      this.#polite.textContent = `${this.#avatarName}: ${turn.text}`
    }
  }

  warn(text) {
    this.#alarm.textContent = text
  }
}
