import assert from "node:assert/strict"
import { mock, test } from "node:test"
import { ConnectionLog } from "../../static/js/room/connection_log.js"

test("one loss is recorded once, with its length when the room is back", () => {
  mock.timers.enable({ apis: ["Date"] })
  const recorded = []
  const connection = new ConnectionLog({ recordPageEvent: (...event) => recorded.push(event) })

  connection.restored()
  connection.lost()
  connection.lost()
  mock.timers.tick(1_500)
  connection.restored()
  connection.lost()

  assert.deepEqual(recorded, [["page.reconnecting"], ["page.reconnected", { ms: 1_500 }], ["page.reconnecting"]])
  mock.timers.reset()
})
