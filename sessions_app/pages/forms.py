"""What a visitor chooses before a conversation."""

from typing import Any

from django import forms
from django.conf import settings

from sessions_app.models import Answerer, StartMode
from sessions_app.pages.choices import Catalog

QUALITIES = [
    ("low", "Low (360p)"),
    ("medium", "Medium (480p)"),
    ("high", "High (720p)"),
    ("very_high", "Very high (1080p)"),
]
INTERACTIVITIES = [("CONVERSATIONAL", "Just talk"), ("PUSH_TO_TALK", "Hold a button to talk")]
START_MODES = [
    (StartMode.CLICK, "The site starts it when you press Start"),
    (StartMode.BROWSER, "Your browser starts it and keeps it alive"),
]


class StartForm(forms.Form):
    """The choices of the service's catalog. Empty choices mean its defaults."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    avatar_id = forms.ChoiceField(label="Avatar", widget=forms.RadioSelect)
    voice_id = forms.ChoiceField(label="Voice", required=False)
    language = forms.ChoiceField(label="Language")
    context_id = forms.ChoiceField(label="Conversation", required=False)
    quality = forms.ChoiceField(label="Picture quality", choices=QUALITIES)
    interactivity = forms.ChoiceField(label="How you talk", choices=INTERACTIVITIES)
    answerer = forms.ChoiceField(label="Who answers", choices=Answerer, required=False)
    start_mode = forms.ChoiceField(label="Who starts it", choices=START_MODES, widget=forms.RadioSelect)

    def __init__(self, catalog: Catalog, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.catalog = catalog
        choices = {
            "avatar_id": [(avatar.avatar_id, avatar.name) for avatar in catalog.avatars],
            "voice_id": [
                ("", "The avatar's own"),
                *((voice.voice_id, voice.name) for voice in catalog.voices),
            ],
            "language": [(language.code, language.name) for language in catalog.languages],
            "context_id": [
                *((context.context_id, context.name) for context in catalog.contexts),
                ("", "None: repeats, but answers nothing"),
            ],
        }
        for name, options in choices.items():
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
        """The avatars as cards for the template."""
        chosen = self["avatar_id"].value()
        return [
            {
                "id": a.avatar_id,
                "name": a.name,
                "preview_url": a.preview_url,
                "checked": a.avatar_id == chosen,
            }
            for a in self.catalog.avatars
        ]


class VisitForm(StartForm):
    """The same, started by the visit itself."""

    start_mode = forms.ChoiceField(choices=[(StartMode.VISIT, "")], widget=forms.HiddenInput)


def first_choices(catalog: Catalog) -> dict[str, str]:
    """What is chosen before anybody chose."""
    codes = [language.code for language in catalog.languages]
    return {
        "avatar_id": catalog.avatars[0].avatar_id if catalog.avatars else "",
        "context_id": catalog.contexts[0].context_id if catalog.contexts else "",
        "language": "en" if "en" in codes or not codes else codes[0],
        "quality": "high",
        "interactivity": "CONVERSATIONAL",
        "answerer": Answerer.SERVICE,
        "start_mode": StartMode.CLICK,
    }
