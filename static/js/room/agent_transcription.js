// What our own agent tells in the room of a CUSTOM session, turned into the messages of FULL mode: the transcripts
// are LiveKit text streams (LiveKit Agents, topic `lk.transcription`), the rest are packets in FULL mode's words.

const TRANSCRIPTION = "lk.transcription"
const FINAL = "lk.transcription_final"

export class AgentStream {
  onMessage = () => {} // one message, as the service would have sent it

  #own // the visitor's identity in the room
  #interim = null // the segment of the visitor's speech that is being told

  /** Must be called before the room is joined: streams of a topic nobody handles are dropped. */
  listen(room) {
    room.registerTextStreamHandler(TRANSCRIPTION, (reader, { identity }) => {
      this.#own = room.localParticipant.identity
      this.#take(reader, identity).catch(() => {}) // a stream whose sender left is told to its last word
    })
  }

  async #take(reader, identity) {
    const attributes = reader.info.attributes ?? {}
    if (identity === this.#own) return this.#userSaid(await reader.readAll(), attributes)
    let spoken = ""
    for await (const words of reader) {
      spoken += words
      this.#tell("avatar.transcription.chunk", words)
    }
    if (spoken.trim()) this.#tell("avatar.transcription", spoken.trim())
  }

  /** Every stream holds the whole phrase so far; the last one of a segment is final. */
  #userSaid(text, { [FINAL]: final, "lk.segment_id": segment }) {
    if (!text.trim() && segment !== this.#interim) return
    this.#interim = final === "true" ? null : segment
    this.#tell(final === "true" ? "user.transcription" : "user.transcription.chunk", text.trim())
  }

  #tell(type, text) {
    this.onMessage({ event_type: type, text })
  }
}
