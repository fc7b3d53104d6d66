import assert from "node:assert/strict"
import { beforeEach, mock, test } from "node:test"
import { Call } from "../../static/js/call/call.js"
import { begin } from "../../static/js/conversation/conversation.js"
import { Journal } from "../../static/js/conversation/journal.js"
import { Outbox } from "../../static/js/site/outbox.js"
import { Site } from "../../static/js/site/site_api.js"

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
    sent: [],
    left: 0,
    join: async () => {},
    send: async (command) => room.sent.push(command),
    leave: () => (room.left += 1),
  }
})

/** A call to a site whose "start" answers (or hangs) as told, with everything it does in `log`. */
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
  outbox.post = ((post) => (...event) => {
    posted.push(event[1])
    return post.apply(outbox, event)
  })(outbox.post)
  const socket = { flushSoon() {}, finish: async () => posted.push("socket finished") }
  const call = new Call({
    site: new Site({ urls: { start: "/start/", stop: "/stop/" }, csrfToken: "c", fetch }),
    room,
    journal: new Journal({ outbox, socket, conversation: begin() }),
    socket,
  })
  call.onPhase = (phase) => log.push(phase)
  call.onEnd = ({ text, failed }) => log.push(failed ? `failed: ${text}` : text)
  call.onElsewhere = () => log.push("elsewhere")
  return call
}

const settled = () => new Promise(setImmediate)

async function liveCall() {
  const call = callTo(grant)
  const beginning = call.begin()
  await settled()
  room.onFirstFrame()
  await beginning
  log.length = 0
  return call
}

test("a start goes from the reservation over the room to the first picture", async () => {
  const call = callTo(grant)
  const beginning = call.begin()
  await settled()
  assert.deepEqual(log, ["reserving", "joining", "picture"])

  room.onFirstFrame()
  await beginning

  assert.equal(call.phase, "live")
  assert.equal(call.limit, 60)
  assert.deepEqual(posted, ["page.room_joined", "page.first_frame"])
})

test("a cancel while the site still reserves is told to it at once", async () => {
  const call = callTo("hangs")
  const beginning = call.begin()
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
  call.begin()
  await settled()

  mock.timers.tick(30_000)
  await settled()

  assert.deepEqual(requests.at(-1), ["/stop/", { reason: "start_failed", detail: "start_timeout" }])
  assert.match(log.at(-1), /^failed: The avatar did not appear within 30 seconds/)
})

test("after eight seconds it is said that it takes long", async () => {
  const call = callTo("hangs")
  call.onSlow = () => log.push("slow")
  call.begin()
  await settled()

  mock.timers.tick(8_000)

  assert.deepEqual(log, ["reserving", "slow"])
  await call.cancel()
})

test("a refused start shows the site's sentence", async () => {
  const error = { code: "service.no_credits", message: "No credits left.", retry: false }
  const call = callTo({ status: 502, body: { error } })

  await call.begin()
  await settled()

  assert.ok(log.includes("failed: No credits left."))
})

test("a session that was over already is not stopped again", async () => {
  const error = { code: "session.ended", message: "It is over.", retry: false }
  const call = callTo({ status: 409, body: { error } })

  await call.begin()
  await settled()

  assert.deepEqual(requests.map(([url]) => url), ["/start/"])
  assert.equal(call.mustBeStopped, false)
})

test("a room that cannot be joined is told in plain words", async () => {
  const call = callTo(grant)
  room.join = async () => {
    throw new Error("could not establish pc connection")
  }

  await call.begin()
  await settled()

  assert.match(log.find((entry) => entry.startsWith("failed")), /connection to the avatar could not be made/)
})

test("a command is published and noted; one that cannot be sent is not noted as said", async () => {
  const call = await liveCall()

  assert.equal(await call.ask("Hello"), true)
  room.send = async () => {
    throw new Error("data channel closed")
  }
  assert.equal(await call.ask("Lost"), false)

  const [{ event_id: id, ...command }] = room.sent
  assert.deepEqual(command, { event_type: "avatar.speak_response", text: "Hello" })
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual(posted.slice(-2), ["avatar.speak_response", "page.error"])
})

test("ending shows the end before the site answers, and the site's words after", async () => {
  const call = await liveCall()

  const ending = call.end()
  assert.deepEqual(log, ["ended", "You ended the conversation."])
  await ending

  assert.equal(log.at(-1), "The site's words.")
  assert.equal(posted.at(-1), "socket finished")
})

test("a stop by the service is passed on with its reason, and the room's own end is not told twice", async () => {
  await liveCall()

  room.onEvent({ event_type: "session.stopped", end_reason: "IDLE_TIMEOUT", stop_reason: "IDLE_TIMEOUT" })
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

test("an end told by the site is not told back to it", async () => {
  const call = await liveCall()

  await call.endedBySite({ state: "ended", end_reason: "STAFF", end_text: "A member of staff ended it." })

  assert.equal(log.includes("A member of staff ended it."), true)
  assert.ok(!requests.some(([url]) => url === "/stop/"))
})

test("a browser's own session is started at the service and stopped there when the page goes", async () => {
  const calls = []
  mock.method(globalThis, "fetch", async (url, { headers }) => {
    calls.push([url, headers.Authorization])
    return Response.json({ code: 1000, data: { ...grant, session_id: "s1" } })
  })
  mock.timers.reset()
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] })
  const call = callTo({ state: "created", api_url: "https://service", session_token: "st" })
  const beginning = call.begin()
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
  const begun = call.begin()
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

test("an avatar that leaves is waited for, and given up when it stays away", async () => {
  const call = await liveCall()

  room.onMissing(true)
  room.onMissing(true)
  assert.deepEqual(posted.filter((type) => type.startsWith("page.avatar")), ["page.avatar_left"])
  mock.timers.tick(14_000)
  assert.equal(call.over, false)
  mock.timers.tick(1_000)
  await settled()

  assert.equal(call.over, true)
  assert.deepEqual(requests.at(-1), ["/stop/", { reason: "room_lost", detail: "avatar_left" }])
})

test("an avatar that comes back in time goes on", async () => {
  const call = await liveCall()

  room.onMissing(true)
  mock.timers.tick(10_000)
  room.onMissing(false)
  mock.timers.tick(60_000)

  assert.equal(call.over, false)
  assert.deepEqual(posted.filter((type) => type.startsWith("page.avatar")), ["page.avatar_left", "page.avatar_returned"])
})
