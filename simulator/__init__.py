"""A simulator of the LiveAvatar service: its REST API, its rooms and a talking cartoon avatar.

The simulator imports nothing of `liveavatar`, the client. If both shared code, a mistake in it would go unnoticed.
"""
