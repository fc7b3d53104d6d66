// Send forms without leaving the page.

export function postInPlace(root, toast, onDone) {
  root.addEventListener("submit", async (event) => {
    const form = event.target
    if (!form.matches("form[data-fetch]")) return
    event.preventDefault()
    const body = new URLSearchParams(new FormData(form))
    try {
      const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } })
      const answer = await response.json()
      if (response.ok) toast.say(`${event.submitter?.getAttribute("aria-label") ?? event.submitter?.textContent}: done`)
      else toast.complain(answer.error)
      if (response.ok && form.elements.text) form.elements.text.value = ""
    } catch {
      toast.complain("The simulator does not answer. Check that it is still running.")
    }
    await onDone()
  })

  // `times` counts session starts, so disable it for a session that is already running.
  root.addEventListener("change", (event) => {
    if (!event.target.matches("[data-target]")) return
    event.target.form.querySelector("[data-times]").disabled = event.target.value !== ""
  })
}
