"""From a microphone's sound to words: voice activity detection and recognisers."""
