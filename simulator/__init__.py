"""A local stand-in for the LiveAvatar service: its REST API, its rooms and a talking cartoon avatar.

It shares no code with the client it is used to try out, so that a shared mistake cannot hide.
"""
