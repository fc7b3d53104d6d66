import assert from "node:assert/strict"
import { test } from "node:test"
import { endedBySite, startFailed, stoppedByVendor } from "../../static/js/call/endings.js"

test("a failed start shows only sentences that were written for visitors", () => {
  const refused = Object.assign(new Error("No credits left."), { name: "SiteError", code: "service.no_credits" })
  const internal = new Error("could not establish pc connection")

  assert.equal(startFailed(refused).text, "No credits left.")
  assert.equal(startFailed(refused).detail, "start_failed: service.no_credits")
  assert.doesNotMatch(startFailed(internal).text, /pc connection/)
  assert.equal(startFailed(internal).detail, "start_failed: Error")
  assert.ok(startFailed(internal).hasFailed)
})

test("a vendor's stop is read from either of its two fields, and needs none", () => {
  assert.match(stoppedByVendor({ end_reason: "MAX_DURATION_REACHED" }).text, /time limit/)
  assert.match(stoppedByVendor({ stop_reason: "IDLE_TIMEOUT" }).text, /nothing was said/)
  assert.deepEqual(stoppedByVendor({}), {
    reason: "service_stopped",
    detail: "",
    text: "The conversation ended.",
    hasFailed: false,
  })
})

test("an end by the site has the site's reason and words", () => {
  const { reason, text, hasFailed } = endedBySite({ state: "failed", end_reason: "START_FAILED", end_text: "Sorry." })

  assert.deepEqual([reason, text, hasFailed], ["START_FAILED", "Sorry.", true])
})
