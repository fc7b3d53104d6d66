"""espeak-ng in a child process (docs/decisions/0002)."""
