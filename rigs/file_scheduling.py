"""How tests are spread over pytest-xdist's workers."""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

BROWSER = "tests/browser/"


class FileScheduling(LoadFileScheduling):
    """xdist's `loadfile` with the files in the order of the collection, and all browser tests in one worker.

    These share a Chromium, a site and a simulator, and need most of a processor core.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False  # files with the most tests are not those that take longest
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else str(super()._split_scope(nodeid))
