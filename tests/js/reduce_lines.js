// The page's reducer for a test in another language: a JSON list of events a line in, their turns and state a line out.

import { createInterface } from "node:readline"
import { emptyState } from "../../static/js/conversation/turn_state.js"
import { reduce } from "../../static/js/conversation/turns.js"

for await (const line of createInterface({ input: process.stdin })) {
  let state = emptyState()
  const turns = new Map()
  for (const event of JSON.parse(line)) {
    const after = reduce(state, event)
    state = after.state
    for (const [number, turn] of after.changed) turns.set(number, turn)
  }
  process.stdout.write(`${JSON.stringify({ turns: [...turns.values()], state })}\n`)
}
