import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { test } from "node:test"
import { advance, begin, stateWord } from "../../static/js/conversation/conversation.js"

const FOLDER = new URL("../cases/turns/", import.meta.url)
const STEP = 1_000 // ms
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"))
const cases = files.flatMap((name) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")))

/** The page as it is at the end of a case, and the time it is then. */
function played({ events }) {
  let page = opened(begin())
  let at = 0
  for (const [direction, type, payload = {}, moment = at + STEP] of events) {
    at = moment
    if (direction === "reload") page = opened(reloaded(page))
    else
      page = advance(page, { direction, type, payload: typeof payload === "string" ? { text: payload } : payload, at })
  }
  return { page, at }
}

/** A page that is live, with a microphone. */
function opened(page) {
  const told = [
    ["page.first_frame", {}],
    ["page.microphone", { state: "on" }],
  ]
  return told.reduce((before, [type, payload]) => advance(before, { direction: "page", type, payload, at: 0 }), page)
}

/** Another page of the session: it begins with the site's rows, and with the site's state, which is JSON. */
function reloaded({ turns, state }) {
  const rows = turns.filter((turn) => turn.text)
  return begin({
    turns: rows.map(({ number, place, role, text, at, interrupted }) => ({
      number,
      place,
      role,
      text,
      at,
      interrupted,
    })),
    state: { ...JSON.parse(JSON.stringify(state)), seen: [] },
  })
}

/** A turn in the words of a case. */
function shown({ role, typed, text, interrupted, number }, state) {
  const turn = state.turns.find((each) => each.number === number)
  const heard = turn.heard.trim()
  return {
    [typed ? "typed" : role]: text,
    ...(turn.ended === null && { open: true }),
    ...(!turn.final && { unfinished: true }),
    ...(interrupted && { interrupted }),
    ...(turn.text && turn.text !== text && { text: turn.text }),
    ...(heard && heard !== text && { heard }),
  }
}

for (const each of cases) {
  test(each.name, () => {
    const { page, at } = played(each)

    assert.deepEqual(
      page.turns.map((turn) => shown(turn, page.state)),
      each.turns,
    )
    if (each.state) assert.equal(stateWord(page, at + (each.later ?? 0)), each.state)
  })
}
