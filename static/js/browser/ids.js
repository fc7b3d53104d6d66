// Random ids. crypto.randomUUID exists on secure pages only; these also work on plain http in a local network.

/** `bytes` random bytes as lower-case hexadecimal digits. */
export function randomHex(bytes) {
  return hex(crypto.getRandomValues(new Uint8Array(bytes)))
}

/** A random UUID (version 4). */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}
