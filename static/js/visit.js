// Posts the form once, when somebody really looks at the page. A prefetch, a background tab, a reload or a way
// back must not spend a session.

import "./views/picture_fallback.js"
import { rememberClick } from "./browser/start_click.js"
import { thisTab } from "./browser/storage.js"

const form = document.querySelector("[data-visit]")
const start = form.querySelector("[data-start]")
const text = document.querySelector("[data-visit-text]")
const used = `visited-${form.elements.request_id.value}`

function isLookedAt() {
  return document.visibilityState === "visible" && !document.prerendering
}

function startOnce() {
  if (!isLookedAt() || thisTab.get(used)) return
  thisTab.set(used, "yes")
  text.textContent = "Starting the conversation…"
  form.requestSubmit()
}

form.addEventListener("submit", (event) => {
  if (start.disabled) return event.preventDefault()
  rememberClick()
  start.disabled = true
})

addEventListener("pageshow", () => {
  start.disabled = false
  if (thisTab.get(used)) {
    text.textContent = "This conversation was already started. Press Start to go back to it."
  }
})

document.addEventListener("visibilitychange", startOnce)
document.addEventListener("prerenderingchange", startOnce)
startOnce()
