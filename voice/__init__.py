"""Speech and answers, offline or by OpenAI-compatible services: sound and text in, text and sound out.

hearing     what a visitor says      answering   what the avatar replies      speaking   how the reply sounds

Each room has one module that says what every implementation offers (`hearing.recognizer`, `answering.brain`,
`speaking.speaker`). `factory` builds the implementations that `settings` ask for. Nothing here knows a web
framework or a LiveKit room.
"""
