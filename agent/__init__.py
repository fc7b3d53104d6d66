"""The CUSTOM-mode agent: a livekit-agents worker that listens to the visitor and speaks through the avatar.

It runs in a process of its own and reaches the site and the service over the network only.

worker/        takes jobs from LiveKit, and runs each of them
conversation/  the room, the session and the avatar together
pipeline/      speech to text, answers, text to speech
avatar/        audio for the media websocket
site/          the connection to the site: lease, events, acks
"""
