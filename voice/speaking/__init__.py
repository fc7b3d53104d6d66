"""From a sentence to sound, with the time of each word and phoneme."""
