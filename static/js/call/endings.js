// Every way a conversation ends: the reason and detail for the site, the words for the visitor. Pure.
//
// An ending is {reason, detail, text, hasFailed}. `reason` is one that the site's stop call accepts;
// `hasFailed` is true when the conversation never began.

// Errors whose message is written for the visitor. All others come from LiveKit or WebRTC.
const FOR_VISITORS = new Set(["SiteError", "VendorError", "RoomError"])

const NO_ROOM =
  "The connection to the avatar could not be made. A firewall or VPN may be in the way; try another network."
const TOO_SLOW =
  "The avatar did not appear within 30 seconds, so the start was cancelled. Nothing keeps running. Please try again."
const ROOM_LOST = "The connection to the avatar was lost and could not be restored. You can start again."
const AVATAR_LEFT = "The avatar left and did not come back. You can start again."

// Shown until the site's own sentence arrives. The keys are the vendor's end reasons.
const BY_VENDOR = {
  IDLE_TIMEOUT: "The conversation ended because nothing was said for a while.",
  MAX_DURATION_REACHED: "The conversation reached its time limit.",
  NO_CREDITS: "The conversation ended because the site's credits with the avatar service are used up.",
  SERVER_ERROR: "The avatar service had a problem and ended the conversation. You can start again.",
}

export const cancelled = () => ending("cancelled", "You cancelled before the conversation began.")

export const endedByVisitor = () => ending("user", "You ended the conversation.")

/** A browser-started session ended with the page that ran it; there is nothing to come back to. */
export const pageClosed = () =>
  ending("service_stopped", "The conversation ended because its page was closed.", { detail: "PAGE_CLOSED" })

export const startTimedOut = () => failedStart(TOO_SLOW, "start_timeout")

/** The start threw `error`. */
export function startFailed(error) {
  const text = FOR_VISITORS.has(error.name) ? error.message : NO_ROOM
  return failedStart(text, `start_failed: ${codeOf(error)}`)
}

/** The room closed with LiveKit's `reason` while it was being joined. */
export const roomRefused = (reason) => failedStart(NO_ROOM, `start_failed: ${reason}`)

/** The room closed with LiveKit's `reason` after it was joined. */
export const roomLost = (reason) => ending("room_lost", ROOM_LOST, { detail: reason })

export const avatarLeft = () => ending("room_lost", AVATAR_LEFT, { detail: "avatar_left" })

/** The vendor's `session.stopped` message. */
export function stoppedByVendor({ end_reason, stop_reason }) {
  const detail = end_reason ?? stop_reason ?? ""
  return ending("service_stopped", BY_VENDOR[detail] ?? "The conversation ended.", { detail })
}

/** The site's `state` frame about a session that is over. */
export const endedBySite = ({ end_reason, end_text, state }) =>
  ending(end_reason, end_text, { hasFailed: state === "failed" })

/** The code by which an error of a start is recorded. */
export function codeOf(error) {
  return String(error.code ?? error.name)
}

function failedStart(text, detail) {
  return ending("start_failed", text, { detail, hasFailed: true })
}

function ending(reason, text, { detail = "", hasFailed = false } = {}) {
  return { reason, detail, text, hasFailed }
}
