"""`python -m agent`: run the worker that takes the conversations which the site dispatches."""

import argparse
import asyncio
import os
import sys

from agent.pipeline.named_plugins import InvalidPipeline
from agent.redacted_log import configure_logging
from agent.settings import InvalidSetting, Settings, from_environment
from voice.settings import InvalidSpeechSetting
from voice.speaking.speaker import VoiceMissing

DESCRIPTION = (
    "Run the worker for CUSTOM sessions. SIGINT or SIGTERM drains it; a second signal stops it at once."
)
SETTINGS = """\
Its settings are environment variables:
  LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET
                    the LiveKit server at which the site dispatches (required)
  AGENT_CAPACITY    conversations at the same time (4)
  AGENT_DRAIN       seconds that conversations may continue after the first signal (5)
  AGENT_EXECUTOR    process, or thread: half the memory, but a crash ends all conversations (process)
  LOG_LEVEL         DEBUG, INFO, WARNING or ERROR (INFO)
  STT_URL, LLM_URL, TTS_URL, AGENT_STT, AGENT_LLM, AGENT_TTS, AGENT_SESSION
                    the speech services, plugins or session to use; offline by default

All of them: docs/custom-agent.md
"""


def main() -> int:
    """Run until a signal; return 1 when a setting cannot be used."""
    argparse.ArgumentParser(
        "python -m agent",
        description=DESCRIPTION,
        epilog=SETTINGS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        settings = from_environment()
        configure_logging(settings.log_level, os.environ)
        # livekit-agents reads these when it is imported. The end-of-turn model is not used, and would cost 245 MB.
        os.environ.setdefault("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")
        os.environ.setdefault("RUST_LOG", "off")
        from agent.worker.run import run_worker

        asyncio.run(run_worker(settings, lambda: _print_ready(settings)))
    except (InvalidSetting, InvalidPipeline, InvalidSpeechSetting, VoiceMissing) as error:
        print(f"agent: {error}", file=sys.stderr)
        return 1
    return 0


def _print_ready(settings: Settings) -> None:
    print(
        f"agent: ready for conversations at {settings.livekit_url} (up to {settings.capacity} at once)",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
