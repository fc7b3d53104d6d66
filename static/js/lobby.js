// The lobby works without this script. It prevents double starts and keeps the visit link in step with the choices.

import "./views/picture_fallback.js"
import { rememberClick } from "./browser/start_click.js"

const CHOICES = ["avatar_id", "voice_id", "language", "context_id", "quality", "interactivity", "answerer"]

const form = document.querySelector("[data-lobby]")
const start = form?.querySelector("[data-start]")

form?.addEventListener("submit", (event) => {
  if (start.disabled) return event.preventDefault()
  rememberClick()
  start.disabled = true
  start.textContent = "Starting…"
})

// The browser may take this page from its cache when the visitor comes back: the button must work again.
addEventListener("pageshow", () => {
  if (!start) return
  start.disabled = false
  start.textContent = "Start"
})

const visitLink = form?.querySelector("[data-visit-link]")

function updateVisitLink() {
  const chosen = new FormData(form)
  const query = new URLSearchParams(CHOICES.map((name) => [name, chosen.get(name) ?? ""]))
  visitLink.search = query
}

if (visitLink) {
  form.addEventListener("change", updateVisitLink)
  updateVisitLink()
}

document.querySelector("[data-error-summary]")?.focus()
