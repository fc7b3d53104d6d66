"""Build the pipeline of a conversation: speech to text, answers, text to speech, turn-taking.

AGENT_SESSION=package.module:function names a function to use instead of `build_session`. AGENT_STT, AGENT_LLM and
AGENT_TTS each replace one part by a plugin of livekit-agents, such as `livekit.plugins.deepgram.STT`; its arguments
are JSON in AGENT_STT_OPTIONS, AGENT_LLM_OPTIONS and AGENT_TTS_OPTIONS.
"""

import os
from collections.abc import Mapping
from typing import Any

from livekit.agents import AgentSession, llm, stt, tts
from livekit.agents.inference import VAD
from livekit.agents.voice.turn import EndpointingOptions, InterruptionOptions, TurnHandlingOptions

from agent.pipeline.brain_llm import BrainLLM
from agent.pipeline.fallback_speech import FallbackLLM, FallbackSTT, FallbackTTS
from agent.pipeline.named_plugins import InvalidPipeline, import_callable, make_plugin
from agent.pipeline.recognizer_stt import RecognizerSTT
from agent.pipeline.speaker_tts import SpeakerTTS
from agent.site.frames import AgentConfig
from voice.factory import build_brain, build_recognizer, build_speaker
from voice.settings import SpeechSettings, from_environment
from voice.speaking.espeak.languages import voice_for_language
from voice.speaking.speaker import Voice

END_SILENCE = 0.25  # seconds of silence that end a turn
TURN_HANDLING = TurnHandlingOptions(
    turn_detection="vad",
    endpointing=EndpointingOptions(min_delay=0.1, max_delay=1.0),
    interruption=InterruptionOptions(
        mode="vad",
        min_duration=0.09,  # seconds of speech that interrupt the avatar: three windows of the voice detector
        resume_false_interruption=True,
        false_interruption_timeout=1.0,  # seconds without words before the answer continues
    ),
)


def build_session(config: AgentConfig) -> AgentSession[None]:
    """Build the session of one conversation. The caller sets its audio output and starts it.

    Offline by default; STT_URL, LLM_URL and TTS_URL name OpenAI-compatible services (`voice.settings`). When a
    service or plugin fails, the offline part takes over. Raises InvalidPipeline or
    `voice.settings.InvalidSpeechSetting`.
    """
    if name := os.environ.get("AGENT_SESSION", "").strip():
        built: object = import_callable(name, "AGENT_SESSION")(config)
        if not isinstance(built, AgentSession):
            raise InvalidPipeline(f"AGENT_SESSION: {name} returned no AgentSession")
        return built
    settings = from_environment(os.environ)
    vad = VAD(min_silence_duration=END_SILENCE)
    offline_stt = _recognizer_stt(settings, config)
    stt_plugin = make_plugin("AGENT_STT", stt.STT)
    session: AgentSession[None] = AgentSession(
        vad=vad,
        stt=FallbackSTT(stt_plugin, offline_stt, vad) if stt_plugin else offline_stt,
        llm=_build_llm(settings, config),
        tts=_build_tts(settings, config),
        use_tts_aligned_transcript=True,
        user_away_timeout=None,
        # Browsers cancel their echo; the default ignores speech in the first three seconds of an answer.
        aec_warmup_duration=None,
        session_close_transcript_timeout=0.3,
        turn_handling=TURN_HANDLING,
    )
    offline_stt.follow_vad(session)
    return session


async def check_pipeline(environ: Mapping[str, str] = os.environ) -> None:
    """Raise, before the first conversation, what would fail every conversation.

    Raises InvalidPipeline, `voice.settings.InvalidSpeechSetting` or `voice.speaking.speaker.VoiceMissing`.
    """
    if name := environ.get("AGENT_SESSION", "").strip():
        import_callable(name, "AGENT_SESSION")
        return
    settings = from_environment(environ)
    for setting, kind in (("AGENT_STT", stt.STT), ("AGENT_LLM", llm.LLM), ("AGENT_TTS", tts.TTS)):
        plugin = make_plugin(setting, kind)
        if plugin is not None:
            await plugin.aclose()
    voice = build_speaker(settings)
    try:
        await voice.open()
    finally:
        await voice.close()


def _recognizer_stt(settings: SpeechSettings, config: AgentConfig) -> RecognizerSTT:
    texts = [config.context.prompt, *config.context.faqs]
    return RecognizerSTT(build_recognizer(settings, texts=texts, language=config.language), config.language)


def _build_llm(settings: SpeechSettings, config: AgentConfig) -> llm.LLM[Any]:
    context = config.context
    offline = BrainLLM(
        build_brain(settings, name=config.avatar_name, prompt=context.prompt, faqs=list(context.faqs))
    )
    plugin = make_plugin("AGENT_LLM", llm.LLM)
    return FallbackLLM(plugin, offline) if plugin else offline


def _build_tts(settings: SpeechSettings, config: AgentConfig) -> tts.TTS[Any]:
    voice = Voice(espeak=voice_for_language(Voice().espeak, config.language))
    offline = SpeakerTTS(build_speaker(settings), voice)
    plugin = make_plugin("AGENT_TTS", tts.TTS)
    return FallbackTTS(plugin, offline) if plugin else offline
