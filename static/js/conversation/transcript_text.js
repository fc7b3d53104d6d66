// The transcript as plain text, for copying and for the file. Pure.

/** Format epoch milliseconds as hours and minutes in the reader's own time zone. */
export function timeOf(at) {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
}

export function speakerOf(turn, avatarName) {
  return turn.role === "user" ? "You" : avatarName
}

/** Format the turns, one paragraph each; turns without words are left out. */
export function transcriptText(turns, avatarName) {
  const spoken = turns.filter((turn) => turn.text)
  const lines = spoken.map((turn) => {
    const mark = turn.interrupted ? " [interrupted]" : ""
    return `${timeOf(turn.at)} ${speakerOf(turn, avatarName)}: ${turn.text}${mark}`
  })
  return `${lines.join("\n\n")}\n`
}

/** Name the transcript's file: "conversation-ava-2026-01-31.txt". */
export function fileName(avatarName, at) {
  const name = avatarName.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-")
  return `conversation-${name}-${new Date(at).toISOString().slice(0, 10)}.txt`
}
