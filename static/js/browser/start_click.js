// The moment at which Start was pressed, carried from the form's page to the session's page.

import { tabStorage } from "./storage.js"

const KEY = "start-pressed-at"
const STALE = 120_000 // ms

export function rememberClick() {
  tabStorage.set(KEY, String(Date.now()))
}

/** Take the press that led here: epoch milliseconds, or null. A second call returns null. */
export function takeClick() {
  const at = Number(tabStorage.take(KEY))
  return at && Date.now() - at < STALE ? at : null
}
