// What only the agent of a CUSTOM session does on request: the avatar's listening pose, and a test tone.

export class AvatarControls {
  #pose
  #tone

  /** `command(type)` sends a command to the agent and resolves to whether it was sent. */
  constructor(page, command) {
    this.#pose = page.querySelector("[data-pose]")
    this.#tone = page.querySelector("[data-tone]")
    this.#pose.addEventListener("click", () => this.#toggle(command))
    this.#tone.addEventListener("click", () => command("avatar.test_tone"))
  }

  enable(enabled) {
    for (const button of [this.#pose, this.#tone]) button.disabled = !enabled
  }

  async #toggle(command) {
    const listens = this.#pose.getAttribute("aria-pressed") !== "true"
    if (!(await command(listens ? "avatar.start_listening" : "avatar.stop_listening"))) return
    this.#pose.setAttribute("aria-pressed", String(listens))
  }
}
