"""The speech services in use: none by default, OpenAI-compatible ones by environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from urllib.parse import urlsplit

DEFAULT_TIMEOUT = 15.0  # seconds; a person is waiting, and the offline classes are ready
DEFAULT_TTS_VOICE = "alloy"
DEFAULT_MODELS = {"STT": "whisper-1", "LLM": "gpt-4o-mini", "TTS": "tts-1"}


class InvalidSpeechSetting(ValueError):
    """An environment variable cannot be used. The message names it and says what it should hold."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible service. `url` is its base, such as "http://127.0.0.1:9000/v1".

    `timeout`, in seconds, is for one transcript, one spoken sentence, or each sentence of an answer.
    """

    url: str
    model: str
    api_key: str = field(default="", repr=False)
    timeout: float = DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """None stands for the offline class. `tts_voice` is the name of a voice at the `tts` endpoint."""

    stt: Endpoint | None = None
    llm: Endpoint | None = None
    tts: Endpoint | None = None
    tts_voice: str = DEFAULT_TTS_VOICE


def from_environment(environ: Mapping[str, str]) -> SpeechSettings:
    """Read STT_URL, STT_MODEL, STT_API_KEY and STT_TIMEOUT, the same of LLM_ and TTS_, and TTS_VOICE.

    A service without its URL is not used, and its other variables are not read. Raises `InvalidSpeechSetting`.
    """
    return SpeechSettings(
        stt=_endpoint(environ, "STT"),
        llm=_endpoint(environ, "LLM"),
        tts=_endpoint(environ, "TTS"),
        tts_voice=environ.get("TTS_VOICE", "").strip() or DEFAULT_TTS_VOICE,
    )


def _endpoint(environ: Mapping[str, str], service: str) -> Endpoint | None:
    url = environ.get(f"{service}_URL", "").strip()
    if not url:
        return None
    return Endpoint(
        url=_base_url(url, f"{service}_URL"),
        model=environ.get(f"{service}_MODEL", "").strip() or DEFAULT_MODELS[service],
        api_key=environ.get(f"{service}_API_KEY", "").strip(),
        timeout=_seconds(environ.get(f"{service}_TIMEOUT", "").strip(), f"{service}_TIMEOUT"),
    )


def _base_url(url: str, variable: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # The value stays out of the message: people put keys into URLs.
    if not usable:
        raise InvalidSpeechSetting(
            f"{variable} must be an http or https URL such as http://127.0.0.1:9000/v1"
        )
    return url.rstrip("/")


def _seconds(value: str, variable: str) -> float:
    if not value:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not (isfinite(seconds) and seconds > 0):
        raise InvalidSpeechSetting(f"{variable} must be a number of seconds above zero, not {value!r}")
    return seconds
