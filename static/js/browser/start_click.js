// When Start was pressed, carried from the page that posts the form to the page of the session.

import { thisTab } from "./storage.js"

const KEY = "start-pressed-at"
const STALE = 120_000 // ms

export function rememberClick() {
  thisTab.set(KEY, String(Date.now()))
}

/** Epoch milliseconds of the press that led here, or null; it can be asked once. */
export function takeClick() {
  const at = Number(thisTab.take(KEY))
  return at && Date.now() - at < STALE ? at : null
}
