import assert from "node:assert/strict"
import { beforeEach, test } from "node:test"
import { PageLifecycle } from "../../static/js/call/page_lifecycle.js"
import { Outbox } from "../../static/js/site/outbox.js"

let log
let outbox
let call
let page

beforeEach(() => {
  log = []
  outbox = new Outbox()
  call = { mustBeStopped: true, isOver: false, leave: () => outbox.post("page", "page.closed") }
  page = Object.assign(new EventTarget(), {
    document: Object.assign(new EventTarget(), { visibilityState: "visible" }),
    navigator: { userAgent: "a browser" },
    innerWidth: 390,
    innerHeight: 844,
  })
  const lifecycle = new PageLifecycle({
    call,
    site: { leave: (frame, isLeaving) => log.push(["beacon", typesOf(frame), isLeaving]) },
    socket: { wake: () => log.push("wake"), close: () => log.push("socket closed") },
    outbox,
    journal: { recordPageEvent: (type, payload) => log.push([type, payload]) },
    source: "page-12ab",
    onLeave: () => log.push("left"),
    window: page,
  })
  lifecycle.open()
})

const typesOf = (frame) => JSON.parse(frame).events.map((event) => event.type)

test("an opened page says what it is, and later when it is hidden", () => {
  page.document.visibilityState = "hidden"
  page.document.dispatchEvent(new Event("visibilitychange"))

  assert.deepEqual(log, [
    ["page.opened", { user_agent: "a browser", width: 390, height: 844, visibility: "visible" }],
    ["page.visibility", { state: "hidden" }],
  ])
})

test("the socket reconnects when the browser is back online", () => {
  page.dispatchEvent(new Event("online"))

  assert.equal(log.at(-1), "wake")
})

test("a page that goes away in a call hands over its last events and says that it leaves", () => {
  page.dispatchEvent(new Event("pagehide"))

  assert.deepEqual(log.slice(1), [["beacon", ["page.closed"], true], "socket closed", "left"])
})

test("a page whose call is over hands over what the site still lacks, and does not leave the session", () => {
  Object.assign(call, { mustBeStopped: false, isOver: true })
  outbox.post("in", "session.stopped")

  page.dispatchEvent(new Event("pagehide"))

  assert.deepEqual(log.slice(1), [["beacon", ["session.stopped"], false], "socket closed", "left"])
})

test("a page with nothing left to say sends no beacon", () => {
  Object.assign(call, { mustBeStopped: false, isOver: true })

  page.dispatchEvent(new Event("pagehide"))

  assert.deepEqual(log.slice(1), ["socket closed", "left"])
})
