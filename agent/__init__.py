"""The CUSTOM-mode agent: a livekit-agents worker that listens to the user and speaks through the avatar.

A process of its own: it knows the site and the service by their network addresses only.
"""
