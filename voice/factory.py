"""Build the recogniser, the brain and the speaker that the settings ask for.

The only module that knows every implementation. To add one, write it beside its seam (`hearing.recognizer`,
`answering.brain`, `speaking.speaker`) and choose it here. Implementations import large libraries when they open,
so importing this module is cheap.
"""

from collections.abc import Sequence

from voice.answering.brain import Brain
from voice.answering.offline_brain import OfflineBrain
from voice.answering.remote_brain import RemoteBrain
from voice.hearing.recognizer import Recognizer
from voice.hearing.remote_recognizer import RemoteRecognizer
from voice.hearing.sphinx_recognizer import SphinxRecognizer
from voice.settings import Endpoint, SpeechSettings
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.remote_speaker import RemoteSpeaker
from voice.speaking.speaker import Speaker


def build_recognizer(settings: SpeechSettings, *, texts: Sequence[str], language: str = "en") -> Recognizer:
    """Build the recogniser of one conversation.

    `texts` is what the conversation is about: sentences of the context, questions and answers; [] is no context.
    `language` is a BCP-47 code. Offline only English is understood: for other languages `open` raises
    `HearingUnavailable`.
    """
    offline = SphinxRecognizer(texts, language)
    return RemoteRecognizer(settings.stt, language, fallback=offline) if settings.stt else offline


def build_brain(
    settings: SpeechSettings,
    *,
    name: str,
    prompt: str,
    faqs: Sequence[str] = (),
    llm: Endpoint | None = None,
) -> Brain:
    """Build the brain of one conversation.

    `name` is the avatar's; `prompt` and `faqs` are the context's. `llm`, the session's own LLM configuration, takes
    precedence over that of `settings`.
    """
    offline = OfflineBrain(name=name, prompt=prompt, faqs=faqs)
    endpoint = llm or settings.llm
    if endpoint is None:
        return offline
    return RemoteBrain(endpoint, name=name, prompt=prompt, faqs=faqs, fallback=offline)


def build_speaker(settings: SpeechSettings) -> Speaker:
    """Build a speaker.

    Utterances of a remote one have no phonemes, so lips follow the sound, and their word marks are estimates.
    """
    offline = EspeakSpeaker()
    return RemoteSpeaker(settings.tts, settings.tts_voice, fallback=offline) if settings.tts else offline
