import assert from "node:assert/strict"
import { beforeEach, mock, test } from "node:test"
import { Call } from "../../static/js/call/call.js"
import { begin } from "../../static/js/conversation/conversation.js"
import { Journal } from "../../static/js/conversation/journal.js"
import { AvatarRoom } from "../../static/js/room/avatar_room.js"
import { Outbox } from "../../static/js/site/outbox.js"
import { SiteApi } from "../../static/js/site/site_api.js"

const grant = { state: "live", livekit_url: "wss://r", livekit_client_token: "t", max_session_duration: 60 }
const ended = { state: "ended", end_reason: "USER_CLOSED", end_text: "The site's words." }

let requests
let room
let log
let posted
let deafToStops

beforeEach(() => {
  mock.timers.reset()
  mock.timers.enable({ apis: ["setTimeout"] })
  requests = []
  log = []
  posted = []
  deafToStops = 0
  room = {
    left: 0,
    load: async () => {},
    join: async () => {},
    leave: () => (room.left += 1),
  }
})

/** A call to a site whose start call answers `start`, or hangs. The phases and the ending are written to `log`. */
function callTo(start) {
  const fetch = async (url, { body, signal }) => {
    requests.push([url, JSON.parse(body)])
    if (url === "/stop/" && deafToStops-- > 0) throw new TypeError("no network")
    if (url === "/stop/") return Response.json(ended)
    if (start === "hangs") {
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")))
      })
    }
    if (start instanceof Error) throw start
    return Response.json(start.body ?? start, { status: start.status ?? 200 })
  }
  const outbox = new Outbox()
  outbox.post = (
    (post) =>
    (...event) => {
      posted.push(event[1])
      return post.apply(outbox, event)
    }
  )(outbox.post)
  const socket = { flushSoon() {}, finish: async () => posted.push("socket finished") }
  const call = new Call({
    site: new SiteApi({ urls: { start: "/start/", stop: "/stop/" }, csrfToken: "c", fetch }),
    room,
    journal: new Journal({ outbox, socket, conversation: begin() }),
    socket,
  })
  call.onPhase = (phase) => log.push(phase)
  call.onEnd = ({ text, hasFailed }) => log.push(hasFailed ? `failed: ${text}` : text)
  call.onElsewhere = () => log.push("elsewhere")
  return call
}

const settled = () => new Promise(setImmediate)

async function liveCall() {
  const call = callTo(grant)
  const beginning = call.start()
  await settled()
  room.onFirstFrame()
  await beginning
  log.length = 0
  return call
}

test("a start loads LiveKit, reserves, joins the room and waits for the first picture", async () => {
  const call = callTo(grant)
  const beginning = call.start()
  await settled()
  assert.deepEqual(log, ["loading", "reserving", "joining", "picture"])

  room.onFirstFrame()
  await beginning

  assert.equal(call.phase, "live")
  assert.equal(call.limit, 60)
  assert.deepEqual(posted, ["page.room_joined", "page.first_frame"])
})

test("nothing is started while LiveKit loads, nor after a cancel in the meantime", async () => {
  const call = callTo(grant)
  let loaded
  room.load = () => new Promise((resolve) => (loaded = resolve))
  const beginning = call.start()
  await settled()
  assert.deepEqual(requests, [])

  await call.cancel()
  loaded()
  await beginning

  assert.deepEqual(requests, [["/stop/", { reason: "cancelled", detail: "" }]])
})

test("a page that cannot load LiveKit starts nothing, says so, and ends the session at the site", async () => {
  const element = { removeAttribute() {} }
  const importLivekit = () => import("data:text/plain,not%20a%20module")
  room = new AvatarRoom({ importLivekit, video: element, audio: element })
  const call = callTo(grant)

  await call.start()
  await settled()

  assert.deepEqual(requests, [["/stop/", { reason: "start_failed", detail: "start_failed: livekit.not_loaded" }]])
  assert.deepEqual(log, [
    "loading",
    "ended",
    "failed: A part of this page could not be loaded. Check your connection, then try again.",
  ])
  assert.ok(posted.includes("page.error"))
})

test("LiveKit that never finishes loading is given up after thirty seconds, and nothing was started", async () => {
  const call = callTo(grant)
  room.load = () => new Promise(() => {})
  call.start()
  await settled()

  mock.timers.tick(30_000)
  await settled()

  assert.deepEqual(requests, [["/stop/", { reason: "start_failed", detail: "start_timeout" }]])
})

test("a cancel while the site still reserves reaches the site at once", async () => {
  const call = callTo("hangs")
  const beginning = call.start()
  await settled()

  await call.cancel()
  await beginning

  assert.deepEqual(requests.at(-1), ["/stop/", { reason: "cancelled", detail: "" }])
  assert.equal(room.left, 1)
  assert.equal(call.mustBeStopped, false)
  assert.equal(log.at(-1), "The site's words.")
})

test("a start without a picture is given up after thirty seconds, with its reason", async () => {
  const call = callTo(grant)
  call.start()
  await settled()

  mock.timers.tick(30_000)
  await settled()

  assert.deepEqual(requests.at(-1), ["/stop/", { reason: "start_failed", detail: "start_timeout" }])
  assert.match(log.at(-1), /^failed: The avatar did not appear within 30 seconds/)
})

test("after eight seconds the page says that the start takes long", async () => {
  const call = callTo("hangs")
  call.onSlow = () => log.push("slow")
  call.start()
  await settled()

  mock.timers.tick(8_000)

  assert.deepEqual(log, ["loading", "reserving", "slow"])
  await call.cancel()
})

test("a refused start shows the site's sentence", async () => {
  const error = { code: "service.no_credits", message: "No credits left.", retry: false }
  const call = callTo({ status: 502, body: { error } })

  await call.start()
  await settled()

  assert.ok(log.includes("failed: No credits left."))
})

test("a session that was over already is not stopped again", async () => {
  const error = { code: "session.ended", message: "It is over.", retry: false }
  const call = callTo({ status: 409, body: { error } })

  await call.start()
  await settled()

  assert.deepEqual(
    requests.map(([url]) => url),
    ["/start/"],
  )
  assert.equal(call.mustBeStopped, false)
})

test("a room that cannot be joined ends the start in plain words", async () => {
  const call = callTo(grant)
  room.join = async () => {
    throw new Error("could not establish pc connection")
  }

  await call.start()
  await settled()

  assert.match(
    log.find((entry) => entry.startsWith("failed")),
    /connection to the avatar could not be made/,
  )
})

test("ending shows the end before the site answers, and the site's words after", async () => {
  const call = await liveCall()

  const ending = call.end()
  assert.deepEqual(log, ["ended", "You ended the conversation."])
  await ending

  assert.equal(log.at(-1), "The site's words.")
  assert.equal(posted.at(-1), "socket finished")
})

test("a stop by the vendor is passed on with its reason, and only once", async () => {
  await liveCall()

  room.onMessage({ event_type: "session.stopped", end_reason: "IDLE_TIMEOUT", stop_reason: "IDLE_TIMEOUT" })
  room.onLeft("room_deleted")
  await settled()

  const stops = requests.filter(([url]) => url === "/stop/")
  assert.deepEqual(stops, [["/stop/", { reason: "service_stopped", detail: "IDLE_TIMEOUT" }]])
})

test("a lost room ends the session with LiveKit's reason", async () => {
  await liveCall()

  room.onLeft("signal_close")
  await settled()

  assert.deepEqual(requests.at(-1), ["/stop/", { reason: "room_lost", detail: "signal_close" }])
})

test("a page that was replaced by another one stops nothing", async () => {
  const call = await liveCall()

  room.onLeft("duplicate_identity")
  await settled()

  assert.ok(log.includes("elsewhere"))
  assert.equal(call.mustBeStopped, false)
  assert.ok(!requests.some(([url]) => url === "/stop/"))
})

test("an end that the site reported is not reported back to it", async () => {
  const call = await liveCall()

  await call.endedBySite({ state: "ended", end_reason: "STAFF", end_text: "A member of staff ended it." })

  assert.equal(log.includes("A member of staff ended it."), true)
  assert.ok(!requests.some(([url]) => url === "/stop/"))
})

test("a browser-started session is started at the vendor and stopped there when the page goes", async () => {
  const calls = []
  mock.method(globalThis, "fetch", async (url, { headers }) => {
    calls.push([url, headers.Authorization])
    return Response.json({ code: 1000, data: { ...grant, session_id: "s1" } })
  })
  mock.timers.reset()
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] })
  const call = callTo({ state: "created", api_url: "https://service", session_token: "st" })
  const beginning = call.start()
  await settled()
  room.onFirstFrame()
  await beginning

  call.leave()
  await settled()

  assert.deepEqual(calls, [
    ["https://service/v1/sessions/start", "Bearer st"],
    ["https://service/v1/sessions/stop", "Bearer st"],
  ])
  assert.deepEqual(posted.slice(0, 1), ["page.session_started"])
  assert.deepEqual(posted.slice(-2), ["page.session_stopped", "page.closed"])
  mock.restoreAll()
})

test("a stop the site does not hear is repeated until it does", async () => {
  deafToStops = 2
  const call = callTo(grant)
  const begun = call.start()
  await settled()
  room.onFirstFrame()
  await begun

  const ending = call.end()
  for (const pause of [1_000, 2_000]) {
    await settled()
    mock.timers.tick(pause)
  }
  await ending

  assert.equal(requests.filter(([url]) => url === "/stop/").length, 3)
  assert.equal(call.mustBeStopped, false)
  assert.equal(log.at(-1), "The site's words.")
})

test("the call ends when the avatar leaves and stays away", async () => {
  const call = await liveCall()

  room.onAbsence(true)
  room.onAbsence(true)
  assert.deepEqual(
    posted.filter((type) => type.startsWith("page.avatar")),
    ["page.avatar_left"],
  )
  mock.timers.tick(14_000)
  assert.equal(call.isOver, false)
  mock.timers.tick(1_000)
  await settled()

  assert.equal(call.isOver, true)
  assert.deepEqual(requests.at(-1), ["/stop/", { reason: "room_lost", detail: "avatar_left" }])
})

test("the call goes on when the avatar comes back in time", async () => {
  const call = await liveCall()

  room.onAbsence(true)
  mock.timers.tick(10_000)
  room.onAbsence(false)
  mock.timers.tick(60_000)

  assert.equal(call.isOver, false)
  assert.deepEqual(
    posted.filter((type) => type.startsWith("page.avatar")),
    ["page.avatar_left", "page.avatar_returned"],
  )
})

test("an agent that leaves before the first picture and stays away ends the call too", async () => {
  const call = callTo(grant)
  const beginning = call.start()
  await settled()

  room.onAbsence(true)
  room.onFirstFrame()
  await beginning
  mock.timers.tick(15_000)
  await settled()

  assert.equal(call.isOver, true)
  assert.deepEqual(requests.at(-1), ["/stop/", { reason: "room_lost", detail: "avatar_left" }])
})

test("the end says how long the conversation lasted, and nothing where it never began", async () => {
  const lengths = []
  const talked = callTo(grant)
  talked.onEnd = ({ seconds }) => lengths.push(seconds)
  const beginning = talked.start()
  await settled()
  room.onFirstFrame()
  await beginning
  talked.startedAt -= 65_000
  await talked.end()
  const cancelled = callTo("hangs")
  cancelled.onEnd = ({ seconds }) => lengths.push(seconds)
  cancelled.start()
  await settled()
  await cancelled.cancel()

  const [page, site, ...never] = lengths
  assert.ok(page >= 65 && page === site)
  assert.deepEqual(never, [null, null])
})
