"""Speech services from environment variables."""

import pytest

from voice.settings import DEFAULT_TIMEOUT, Endpoint, InvalidSpeechSetting, SpeechSettings, from_environment

URL = "http://127.0.0.1:9000/v1"


def test_an_empty_environment_means_offline():
    assert from_environment({}) == SpeechSettings(stt=None, llm=None, tts=None)


def test_a_service_without_its_url_is_not_used():
    assert (
        from_environment({"LLM_URL": " ", "LLM_MODEL": "m", "LLM_API_KEY": "k", "LLM_TIMEOUT": "never"}).llm
        is None
    )


@pytest.mark.parametrize("service", ["stt", "llm", "tts"])
def test_each_service_has_its_own_variables(service):
    prefix = service.upper()

    settings = from_environment(
        {
            f"{prefix}_URL": URL + "/",
            f"{prefix}_MODEL": "a-model",
            f"{prefix}_API_KEY": " a key ",
            f"{prefix}_TIMEOUT": "2.5",
        }
    )

    assert getattr(settings, service) == Endpoint(URL, "a-model", "a key", 2.5)
    assert [getattr(settings, other) for other in ("stt", "llm", "tts") if other != service] == [None, None]


def test_a_url_alone_is_enough():
    settings = from_environment({"STT_URL": URL, "LLM_URL": URL, "TTS_URL": URL, "TTS_VOICE": "nova"})

    for endpoint in (settings.stt, settings.llm, settings.tts):
        assert endpoint is not None
        assert endpoint.model
        assert endpoint.timeout == DEFAULT_TIMEOUT
    assert settings.tts_voice == "nova"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STT_URL", "127.0.0.1:9000"),
        ("LLM_URL", "ftp://host/v1"),
        ("TTS_URL", "http:///v1"),
        ("TTS_URL", "http://host:port/v1"),
        ("TTS_URL", "http://[::1/v1"),
        ("STT_TIMEOUT", "soon"),
        ("STT_TIMEOUT", "0"),
        ("STT_TIMEOUT", "-1"),
        ("STT_TIMEOUT", "nan"),
        ("STT_TIMEOUT", "inf"),
    ],
)
def test_an_error_names_the_invalid_variable(variable, value):
    with pytest.raises(InvalidSpeechSetting, match=variable):
        from_environment({"STT_URL": URL, variable: value})


def test_a_key_appears_in_no_repr_and_no_error():
    settings = from_environment({"LLM_URL": URL, "LLM_API_KEY": "a-secret"})

    assert "a-secret" not in repr(settings)
    with pytest.raises(InvalidSpeechSetting) as error:
        from_environment({"LLM_URL": "htp://a-secret@host"})
    assert "a-secret" not in str(error.value)
