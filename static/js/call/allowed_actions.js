// What the visitor may do at this moment. Pure.

/**
 * {command, interrupt, microphone}: send text to the avatar, interrupt it, switch the microphone.
 * `hasAgent` is true once an agent in the room hears commands.
 */
export function allowedActions({ phase, hasAgent, conversation }) {
  const isConnected = phase === "live" && !conversation.reconnecting
  const command = isConnected && hasAgent
  return { command, interrupt: command && conversation.avatarSpeaking, microphone: isConnected }
}
