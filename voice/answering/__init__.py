"""From a question to an answer, sentence by sentence."""
