"""espeak-ng's voices for the languages of `GET /v1/languages`."""

# Only where the library's own name differs from the BCP-47 code (checked against espeak-ng 1.52).
ESPEAK_NAMES = {"zh": "cmn", "no": "nb", "iw": "he", "in": "id", "en-gb": "en", "zh-hk": "yue"}
REGIONS = frozenset({"en-us", "es-419", "fr-be", "fr-ch", "pt-br"})  # regional voices the library has


def espeak_language(code: str) -> str:
    """Return the espeak-ng voice for a BCP-47 `code` ("pt-BR", "zh", "en_GB")."""
    tag = code.strip().replace("_", "-").lower()
    if tag in REGIONS:
        return tag
    primary = tag.partition("-")[0]
    return ESPEAK_NAMES.get(tag) or ESPEAK_NAMES.get(primary, primary)


def voice_for_language(voice: str, code: str) -> str:
    """Return `voice` ("en-us+f3") if it speaks the language `code`, else its timbre in that language ("fr+f3")."""
    spoken, _, timbre = voice.partition("+")
    wanted = espeak_language(code)
    if spoken.partition("-")[0] == wanted.partition("-")[0]:
        return voice
    return f"{wanted}+{timbre}" if timbre else wanted
