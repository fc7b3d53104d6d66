"""Conversations with an avatar: starting, watching, recording and ending them."""
