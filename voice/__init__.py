"""Speech and answers without a network: text to speech (`voice.tts`) and an offline brain (`voice.brain`).

Knows no web framework and no room: text in, PCM and words out.
"""
