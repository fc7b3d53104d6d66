import assert from "node:assert/strict"
import { test } from "node:test"
import { captionOf } from "../../static/js/views/captions.js"

test("a caption has the words that were spoken so far, or the text where no words came", () => {
  assert.equal(captionOf({ heard: " One two", text: "One two three." }), "One two")
  assert.equal(captionOf({ heard: "", text: "Hello." }), "Hello.")
  assert.equal(captionOf(undefined), "")
})

test("a long caption keeps its last whole words", () => {
  const caption = captionOf({ heard: "word ".repeat(60) })

  assert.match(caption, /^… word( word)+$/)
  assert.ok(caption.length <= 111)
})
