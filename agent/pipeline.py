"""What the agent hears, thinks and speaks with. To build your own, write a function like `build_session`.

AGENT_SESSION=package.module:function names it; AGENT_STT, AGENT_LLM and AGENT_TTS replace a single part by any plugin
of livekit-agents, such as `livekit.plugins.deepgram.STT`, with its arguments as JSON in AGENT_STT_OPTIONS and so on.
"""

import os
from collections.abc import Mapping
from typing import Any

from livekit.agents import AgentSession, llm, stt, tts
from livekit.agents.inference import VAD
from livekit.agents.voice.turn import EndpointingOptions, InterruptionOptions, TurnHandlingOptions

from agent.answering import Answering
from agent.hearing import Hearing
from agent.plugins import BadPipeline, named, plugin
from agent.site import Welcome
from agent.spare import SpareAnswering, SpareHearing, SpareSpeaking
from agent.speaking import Speaking
from voice.factory import build_brain, build_recognizer, build_speaker
from voice.settings import SpeechSettings, from_environment
from voice.speaking.espeak.languages import voice_for_language
from voice.speaking.speaker import Speaker, Voice

__all__ = ["BadPipeline", "build_session", "check"]

# Seconds. Quick, without cutting people off: silence that ends a turn, speech that interrupts the avatar (three times
# the 0.032 s that the detector looks at). After an interruption in which nothing was said the answer goes on.
SILENCE = 0.25
ENDPOINTING = EndpointingOptions(min_delay=0.1, max_delay=1.0)
INTERRUPTION = InterruptionOptions(
    mode="vad", min_duration=0.09, resume_false_interruption=True, false_interruption_timeout=1.0
)


def build_session(welcome: Welcome) -> AgentSession[None]:
    """The session of one conversation, not started yet. Its audio output is set by the caller.

    Offline by default; STT_URL, LLM_URL and TTS_URL name OpenAI-compatible services (`voice.settings`). Whatever
    fails is stood in for by the offline class. Raises BadPipeline or `voice.settings.InvalidSpeechSetting`.
    """
    if own := os.environ.get("AGENT_SESSION", "").strip():
        built: object = named(own, "AGENT_SESSION")(welcome)
        if not isinstance(built, AgentSession):
            raise BadPipeline(f"AGENT_SESSION: {own} returned no AgentSession")
        return built
    settings = from_environment(os.environ)
    vad = VAD(min_silence_duration=SILENCE)
    ears = Hearing(
        build_recognizer(settings, texts=[welcome.prompt, *welcome.faqs], language=welcome.language),
        welcome.language,
    )
    own_ears = plugin("AGENT_STT", stt.STT)
    session: AgentSession[None] = AgentSession(
        vad=vad,
        stt=SpareHearing(own_ears, ears, vad) if own_ears else ears,
        llm=_answering(settings, welcome),
        tts=_speaking(settings, welcome),
        use_tts_aligned_transcript=True,
        user_away_timeout=None,
        # Browsers cancel their echo; the default ignores whoever speaks in the first three seconds of an answer.
        aec_warmup_duration=None,
        session_close_transcript_timeout=0.3,
        turn_handling=TurnHandlingOptions(
            turn_detection="vad",
            endpointing=ENDPOINTING,
            interruption=INTERRUPTION,
        ),
    )
    ears.follow(session)
    return session


async def check(environ: Mapping[str, str] = os.environ) -> None:
    """Find out before the first conversation what every conversation would fail with.

    Raises BadPipeline, `voice.settings.InvalidSpeechSetting` or `voice.speaking.speaker.VoiceMissing`.
    """
    if own := environ.get("AGENT_SESSION", "").strip():
        named(own, "AGENT_SESSION")
        return
    settings = from_environment(environ)
    for made in (plugin("AGENT_STT", stt.STT), plugin("AGENT_LLM", llm.LLM), plugin("AGENT_TTS", tts.TTS)):
        if made is not None:
            await made.aclose()
    mouth: Speaker = build_speaker(settings)
    try:
        await mouth.open()
    finally:
        await mouth.close()


def _answering(settings: SpeechSettings, welcome: Welcome) -> llm.LLM[Any]:
    mind = Answering(
        build_brain(settings, name=welcome.avatar_name, prompt=welcome.prompt, faqs=list(welcome.faqs))
    )
    own = plugin("AGENT_LLM", llm.LLM)
    return SpareAnswering(own, mind) if own else mind


def _speaking(settings: SpeechSettings, welcome: Welcome) -> tts.TTS[Any]:
    voice = Voice(espeak=voice_for_language(Voice().espeak, welcome.language))
    mouth = Speaking(build_speaker(settings), voice)
    own = plugin("AGENT_TTS", tts.TTS)
    return SpareSpeaking(own, mouth) if own else mouth
