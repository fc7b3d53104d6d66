"""The installed Chromium, and how the tests start it."""

import os
import shutil

CHROMIUM_ARGUMENTS = [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    # Without an outside network WebRTC refuses loopback, unless told otherwise.
    "--allow-loopback-in-peer-connection",
    "--disable-background-networking",
    "--disable-component-update",
    # Chromium's sandbox does not work for root, as whom containers and CI machines run.
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]


NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The installed Chromium, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)
