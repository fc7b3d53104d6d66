import assert from "node:assert/strict"
import { test } from "node:test"
import { allowedActions } from "../../static/js/call/allowed_actions.js"

const speaking = { isReconnecting: false, isSpeaking: true }
const silent = { isReconnecting: false, isSpeaking: false }
const reconnecting = { isReconnecting: true, isSpeaking: true }

const cases = [
  ["before the picture nothing is allowed", "picture", true, speaking, ""],
  ["a live call without an agent allows the microphone only", "live", false, speaking, "microphone"],
  ["a silent avatar takes commands and cannot be interrupted", "live", true, silent, "command microphone"],
  ["a speaking avatar can be interrupted", "live", true, speaking, "command interrupt microphone"],
  ["nothing is allowed while the room reconnects", "live", true, reconnecting, ""],
  ["nothing is allowed after the end", "ended", true, speaking, ""],
]

for (const [name, phase, hasAgent, state, expected] of cases) {
  test(name, () => {
    const allowed = allowedActions({ phase, hasAgent, ...state })

    const names = Object.keys(allowed).filter((action) => allowed[action])
    assert.equal(names.join(" "), expected)
  })
}
