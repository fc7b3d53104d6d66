"""Measurements of what users feel. Each is a command: `.venv/bin/python -m benchmarks.<name>`."""
