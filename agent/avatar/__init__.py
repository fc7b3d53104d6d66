"""The avatar as an audio output of livekit-agents."""
