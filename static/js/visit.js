// Posts the form once, when the page is visible. A prefetch, a background tab, a reload or the Back button must not
// start a session.

import "./views/picture_fallback.js"
import { rememberClick } from "./browser/start_click.js"
import { tabStorage } from "./browser/storage.js"

const form = document.querySelector("[data-visit]")
const start = form.querySelector("[data-start]")
const text = document.querySelector("[data-visit-text]")
const used = `visited-${form.elements.request_id.value}`

function isSeen() {
  return document.visibilityState === "visible" && !document.prerendering
}

function startOnce() {
  if (!isSeen() || tabStorage.get(used)) return
  tabStorage.set(used, "yes")
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
  if (tabStorage.get(used)) {
    text.textContent = "This conversation was started already. Press Start to go back to it."
  }
})

document.addEventListener("visibilitychange", startOnce)
document.addEventListener("prerenderingchange", startOnce)
startOnce()
