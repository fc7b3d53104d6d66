import assert from "node:assert/strict"
import { test } from "node:test"
import { fileName, timeOf, transcriptText } from "../../static/js/conversation/transcript_text.js"

test("the text names the speakers, their times and what was cut short, and leaves out turns without words", () => {
  const at = Date.UTC(2026, 0, 31, 12, 0)

  const text = transcriptText(
    [
      { role: "user", text: "Hello", at },
      { role: "avatar", text: "", at },
      { role: "avatar", text: "Good", at, interrupted: true },
    ],
    "Ava",
  )

  assert.equal(text, `${timeOf(at)} You: Hello\n\n${timeOf(at)} Ava: Good [interrupted]\n`)
})

test("the file is named after the avatar and the day, without anything a file system dislikes", () => {
  assert.equal(fileName("Dr. Ava/2", Date.UTC(2026, 0, 31)), "conversation-dr-ava-2-2026-01-31.txt")
})
