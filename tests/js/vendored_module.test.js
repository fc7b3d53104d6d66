import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { test } from "node:test"

const vendor = new URL("../../static/vendor/", import.meta.url)
const readme = await readFile(new URL("README.md", vendor), "utf8")
const template = await readFile(new URL("../../templates/sessions_app/session.html", import.meta.url), "utf8")
const [, name] = template.match(/'vendor\/([^']+)'[^>]*id="livekit-client"/)
const module = await readFile(new URL(name, vendor))

test("the module that the page loads is the one its README describes", () => {
  const sum = createHash("sha256").update(module).digest("hex")
  const row = readme.split("\n").find((line) => line.startsWith(`| \`${name}\``))

  assert.ok(row.includes(`\`${sum}\``), `${name} has the sum ${sum}`)
})

test("its name ends in .js, which every web server sends as JavaScript", () => {
  assert.match(name, /\.js$/)
})

test("it exports what the page uses, in the version of its name", async () => {
  const livekit = await import(`data:text/javascript;base64,${module.toString("base64")}`)

  assert.ok(name.includes(livekit.version))
  for (const used of ["Room", "RoomEvent", "Track", "ConnectionState", "DisconnectReason", "MediaDeviceFailure"]) {
    assert.ok(livekit[used], used)
  }
})
