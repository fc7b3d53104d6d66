import assert from "node:assert/strict"
import { beforeEach, mock, test } from "node:test"
import { VendorError, VendorSession } from "../../static/js/call/vendor_session.js"

let requests

beforeEach(() => {
  requests = []
  mock.timers.reset()
  mock.timers.enable({ apis: ["setInterval"] })
})

/** A vendor that gives these answers in turn, and the last one again and again. */
function vendorAnswering(...answers) {
  const fetch = async (url, options) => {
    requests.push({ url, ...options })
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer instanceof Error) throw answer
    return new Response(answer.text ?? JSON.stringify(answer.body), { status: answer.status })
  }
  return new VendorSession({ apiUrl: "https://service.example/", token: "secret", fetch })
}

const room = { session_id: "s1", livekit_url: "wss://r", livekit_client_token: "t", max_session_duration: 60 }
const started = { status: 201, body: { code: 1000, message: "ok", data: room } }
const done = { status: 200, body: { code: 1000, message: "ok", data: null } }
const refused = (status, code) => ({ status, body: { code, message: "raw words", data: null } })

test("a start is a bearer POST without a body and answers with the room", async () => {
  const session = vendorAnswering(started)

  assert.deepEqual(await session.start(), room)
  session.close()

  const [request] = requests
  assert.equal(request.url, "https://service.example/v1/sessions/start")
  assert.equal(request.method, "POST")
  assert.equal(request.headers.Authorization, "Bearer secret")
  assert.equal(request.credentials, "include")
  assert.equal(request.body, undefined)
})

test("a started session is kept alive every minute until it is stopped", async () => {
  const session = vendorAnswering(started, done)
  await session.start()

  mock.timers.tick(120_000)
  await session.stop()
  mock.timers.tick(120_000)

  const verbs = requests.map((request) => request.url.split("/").at(-1))
  assert.deepEqual(verbs, ["start", "keep-alive", "keep-alive", "stop"])
})

test("the stop outlives the page and is sent once", async () => {
  const session = vendorAnswering(done)

  await Promise.all([session.stop(), session.stop()])

  assert.equal(requests.length, 1)
  assert.equal(requests[0].keepalive, true)
})

test("a stop of a session that is gone is no error", async () => {
  await vendorAnswering(refused(404, 4040)).stop()

  assert.equal(requests.length, 1)
})

test("a start that was stopped meanwhile is not kept alive", async () => {
  const session = vendorAnswering(started, done)
  const starting = session.start()

  await session.stop()
  await starting
  mock.timers.tick(120_000)

  assert.equal(requests.length, 2)
})

const failures = [
  ["no network", new TypeError("Failed to fetch"), /could not reach the avatar service/],
  ["a bad token", refused(403, 4003), /press Start again/],
  ["no credits", refused(403, 4033), /credits/],
  ["too many sessions", refused(403, 4032), /Too many conversations/],
  ["a rate limit", refused(429, 4290), /busy/],
  ["a broken vendor", { status: 500, text: "<html>" }, /has a problem/],
  ["a success status with another code", refused(200, 4000), /refused/],
]

for (const [name, answer, sentence] of failures) {
  test(`${name} is told in plain words`, async () => {
    const session = vendorAnswering(answer)

    await assert.rejects(session.start(), (error) => {
      assert.ok(error instanceof VendorError)
      assert.match(error.message, sentence)
      assert.doesNotMatch(error.message, /raw words|secret/)
      return true
    })
  })
}
