"""The form of the lobby."""

from typing import Any

from django import forms
from django.conf import settings

from sessions_app.models import Answerer, StartMode
from sessions_app.pages.choices import Choices

QUALITIES = [
    ("low", "Low (360p)"),
    ("medium", "Medium (480p)"),
    ("high", "High (720p)"),
    ("very_high", "Very high (1080p)"),
]
INTERACTIVITIES = [("CONVERSATIONAL", "Just talk"), ("PUSH_TO_TALK", "Hold a button to talk")]
# The columns of a session that a choice fills, and the fields that a link to the lobby carries.
COLUMNS = ("avatar_id", "voice_id", "language", "context_id", "quality", "interactivity")
CHOICES = (*COLUMNS, "answerer")
START_MODES = [
    (StartMode.CLICK, "The site starts it when you press Start"),
    (StartMode.BROWSER, "Your browser starts it and keeps it alive"),
]


class StartForm(forms.Form):
    """A visitor's choices among what the vendor offers. An empty choice means the vendor's default."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    avatar_id = forms.ChoiceField(label="Avatar", widget=forms.RadioSelect)
    voice_id = forms.ChoiceField(label="Voice", required=False)
    language = forms.ChoiceField(label="Language")
    context_id = forms.ChoiceField(label="Conversation", required=False)
    quality = forms.ChoiceField(label="Picture quality", choices=QUALITIES)
    interactivity = forms.ChoiceField(label="How you talk", choices=INTERACTIVITIES)
    answerer = forms.ChoiceField(label="Who answers", choices=Answerer, required=False)
    start_mode = forms.ChoiceField(label="Who starts it", choices=START_MODES, widget=forms.RadioSelect)

    def __init__(self, choices: Choices, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choices = choices
        options_of = {
            "avatar_id": [(avatar.avatar_id, avatar.name) for avatar in choices.avatars],
            "voice_id": [
                ("", "The avatar's own"),
                *((voice.voice_id, voice.name) for voice in choices.voices),
            ],
            "language": [(language.code, language.name) for language in choices.languages],
            "context_id": [
                *((context.context_id, context.name) for context in choices.contexts),
                ("", "No context (the avatar only repeats text)"),
            ],
        }
        for name, options in options_of.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = options
        if not settings.CUSTOM_AVAILABLE:
            del self.fields["answerer"]

    def clean(self) -> dict[str, Any]:
        chosen: dict[str, Any] = super().clean() or self.cleaned_data
        chosen["answerer"] = Answerer(chosen.get("answerer") or Answerer.SERVICE)
        if chosen["answerer"] is not Answerer.SERVICE:
            if chosen.get("start_mode") == StartMode.BROWSER:
                self.add_error("start_mode", "A conversation with our own agent is started by the site.")
            if chosen.get("interactivity") == "PUSH_TO_TALK":
                self.add_error("interactivity", "Our own agent has no button to hold: choose “Just talk”.")
        return chosen

    @property
    def avatar_cards(self) -> list[dict[str, Any]]:
        """Return the avatars as cards for the template."""
        chosen = self["avatar_id"].value()
        return [
            {
                "id": a.avatar_id,
                "name": a.name,
                "preview_url": a.preview_url,
                "checked": a.avatar_id == chosen,
            }
            for a in self.choices.avatars
        ]


class VisitForm(StartForm):
    """The same form for a start on visit."""

    start_mode = forms.ChoiceField(choices=[(StartMode.VISIT, "")], widget=forms.HiddenInput)


def first_choices(choices: Choices) -> dict[str, str]:
    """Return the choices that a fresh lobby shows."""
    codes = [language.code for language in choices.languages]
    return {
        "avatar_id": choices.avatars[0].avatar_id if choices.avatars else "",
        "context_id": choices.contexts[0].context_id if choices.contexts else "",
        "language": "en" if "en" in codes or not codes else codes[0],
        "quality": "high",
        "interactivity": "CONVERSATIONAL",
        "answerer": Answerer.SERVICE,
        "start_mode": StartMode.CLICK,
    }
