// Turns the transcription of a CUSTOM session into messages of FULL mode. The session's agent sends it as LiveKit
// text streams (LiveKit Agents, topic `lk.transcription`).

const TRANSCRIPTION = "lk.transcription"
const FINAL = "lk.transcription_final"

export class AgentTranscription {
  onMessage = () => {} // one message, as the vendor would have sent it

  #visitor // the visitor's identity in the room
  #interim = null // the id of the visitor's segment that has no final text yet

  /** Must be called before the room is joined: LiveKit drops streams of a topic without a handler. */
  listen(room) {
    room.registerTextStreamHandler(TRANSCRIPTION, (reader, { identity }) => {
      this.#visitor = room.localParticipant.identity
      this.#read(reader, identity).catch(() => {}) // the sender left in the middle; its words were passed on
    })
  }

  async #read(reader, identity) {
    const attributes = reader.info.attributes ?? {}
    if (identity === this.#visitor) return this.#readVisitor(await reader.readAll(), attributes)
    let spoken = ""
    for await (const words of reader) {
      spoken += words
      this.#emit("avatar.transcription.chunk", words)
    }
    if (spoken.trim()) this.#emit("avatar.transcription", spoken.trim())
  }

  /** Each stream holds the whole phrase so far; the last one of a segment is final. */
  #readVisitor(text, { [FINAL]: final, "lk.segment_id": segment }) {
    if (!text.trim() && segment !== this.#interim) return
    this.#interim = final === "true" ? null : segment
    this.#emit(final === "true" ? "user.transcription" : "user.transcription.chunk", text.trim())
  }

  #emit(type, text) {
    this.onMessage({ event_type: type, text })
  }
}
