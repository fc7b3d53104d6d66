"""The parts of the offline recogniser: what a visitor may say, how it sounds, and PocketSphinx's view of it."""
