"""How tests are spread over pytest-xdist's workers."""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# These share a Chromium, a site and a simulator, or hear speech in real time. Side by side they starve each other.
TOGETHER = ("tests/browser/", "tests/simulator/avatar/test_speech.py", "tests/simulator/avatar/test_room.py")


class FileScheduling(LoadFileScheduling):
    """xdist's `loadfile` with the files in the order of the collection, and the greediest of them in one worker."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False  # files with the most tests are not those that take longest
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER[0] if nodeid.startswith(TOGETHER) else str(super()._split_scope(nodeid))
