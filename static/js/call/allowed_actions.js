// What the visitor may do at this moment. Pure.

/**
 * Decide what is allowed: {command, interrupt, microphone}. `command` is to send text to the avatar, `interrupt` to
 * interrupt it, `microphone` to switch the microphone. `phase` is the call's; `hasAgent` is true once an agent in the
 * room hears commands; `isReconnecting` and `isSpeaking` are about the room and the avatar.
 */
export function allowedActions({ phase, hasAgent, isReconnecting, isSpeaking }) {
  const isConnected = phase === "live" && !isReconnecting
  const command = isConnected && hasAgent
  return { command, interrupt: command && isSpeaking, microphone: isConnected }
}
