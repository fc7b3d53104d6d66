"""Measurements of speed, cost and quality. Each is a command: `.venv/bin/python -m benchmarks.<name>`."""
