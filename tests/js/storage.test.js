import assert from "node:assert/strict"
import { test } from "node:test"
import { browserStorage, tabStorage } from "../../static/js/browser/storage.js"

test("a value can be taken once", () => {
  const kept = new Map()
  globalThis.sessionStorage = {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => kept.set(name, value),
  }
  tabStorage.set("name", "value")

  assert.equal(tabStorage.take("name"), "value")
  assert.equal(tabStorage.take("name"), "")
})

test("a switch is remembered", () => {
  const kept = new Map()
  globalThis.localStorage = {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => kept.set(name, value),
  }
  assert.equal(browserStorage.flag("captions").get(), false)

  browserStorage.flag("captions").set(true)

  assert.equal(browserStorage.flag("captions").get(), true)
})

test("a switch works for this page where the browser refuses to remember it", () => {
  globalThis.localStorage = {
    getItem() {
      throw new DOMException("refused", "SecurityError")
    },
    setItem() {
      throw new DOMException("refused", "SecurityError")
    },
  }
  const captions = browserStorage.flag("captions")

  captions.set(true)

  assert.equal(captions.get(), true)
})
