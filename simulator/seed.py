"""The contents of a new account.

The ids of Wayne, June and the demo's voice and context are the real service's. Clients that hard-code them (web SDK
demo, livekit starter) therefore work unchanged.
"""

from pathlib import Path

from simulator.world import Avatar, Context, Link, Voice, VoiceAgent, World

WAYNE = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
JUNE = "65f9e3c9-d48b-4118-b73a-4ae2e3cbb8f0"
DEMO_VOICE = "c2527536-6d1f-4412-a643-53a3497dada9"
DEMO_CONTEXT = "5b9dba8a-aa31-11f0-a6ee-066a7fa2e369"
COFFEE_CONTEXT = "a0b1b5a4-3c0e-4b0e-8f55-0d5c1f6f2f11"
NORA = "3f4de6b7-7f0b-4c33-8b5f-6d1d53cf2a02"
GUIDE_AGENT = "c4d9a5f0-2b7e-4a6d-9f13-7e0b8d5c6a21"
ELEVENLABS_AGENT = "0e7b3c58-91f4-4d2a-8c6e-5a4f1b9d7e32"

_PROMPTS = Path(__file__).parent / "prompts"


def seeded_world() -> World:
    """Return a new account: two avatars, five voices, two contexts, one voice agent of each type."""
    return World(
        avatars=(
            Avatar(WAYNE, "Ava", art="ava", default_voice_id=DEMO_VOICE),
            Avatar(JUNE, "Mira", art="mira", default_voice_id=NORA),
        ),
        voices=(
            Voice(DEMO_VOICE, "Clara", "Clear and friendly", "female", "en-us+f3", 165, 50, ("american",)),
            Voice(NORA, "Nora", "Warm and unhurried", "female", "en-us+Annie", 155, 48, ("american", "calm")),
            Voice(
                "8d0f6c1b-52f4-4a53-9c27-6f0e4a6bd4c3",
                "Miles",
                "Even and matter of fact",
                "male",
                "en-us+Mike",
                165,
                45,
                ("american",),
            ),
            Voice(
                "b67c1d0a-0c8e-4f7d-8a39-1f5e4c2b7d94",
                "Isla",
                "Bright, British",
                "female",
                "en-gb-x-rp+f4",
                160,
                52,
                ("british",),
            ),
            Voice(
                "e1a95f34-6b7c-4d21-b0f8-9c3d2e5a6f85",
                "Arthur",
                "Deep, British",
                "male",
                "en-gb-x-rp+m3",
                155,
                40,
                ("british", "calm"),
            ),
        ),
        contexts=(
            Context(
                "LiveAvatar guide",
                _prompt("guide"),
                "Hello, it is good to see you! Ask me about LiveAvatar or about this site, by voice or by typing.",
                (
                    Link(
                        "https://docs.liveavatar.com",
                        "The documentation of LiveAvatar, with guides and the reference, is at docs.liveavatar.com.",
                    ),
                ),
                id=DEMO_CONTEXT,
            ),
            Context(
                "Coffee shop concierge",
                _prompt("coffee_shop"),
                "Welcome to Harbour Coffee! What can I do for you?",
                id=COFFEE_CONTEXT,
            ),
        ),
        voice_agents=(
            VoiceAgent(
                GUIDE_AGENT,
                "LiveAvatar guide",
                "liveavatar_agent",
                context_id=DEMO_CONTEXT,
                voice_id=DEMO_VOICE,
            ),
            VoiceAgent(ELEVENLABS_AGENT, "An agent at ElevenLabs", "elevenlabs_agent"),
        ),
    )


def _prompt(name: str) -> str:
    return (_PROMPTS / f"{name}.txt").read_text("utf-8")
