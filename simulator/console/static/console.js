// Make the page follow the event stream, and send its forms without reloading it.

import { tickClocks } from "./clocks.js"
import { copyOnClick } from "./copying.js"
import { EventList } from "./event_list.js"
import { LiveSections } from "./live_sections.js"
import { postInPlace } from "./posting.js"
import { Toast } from "./toast.js"

for (const part of document.querySelectorAll("[data-with-script]")) part.hidden = false
for (const part of document.querySelectorAll("[data-without-script]")) part.hidden = true

const toast = new Toast(document.querySelector("[data-toast]"))
const sections = new LiveSections()
const events = new EventList(document.querySelector("#events"))

copyOnClick(document, toast)
postInPlace(document, toast, () => sections.refresh())
tickClocks(document)
events.copyWith(toast)
events.follow(document.querySelector("[data-stream]"), document.querySelector("main").dataset.last, () =>
  sections.refreshSoon(),
)
