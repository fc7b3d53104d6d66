"""A real livekit-server, one process for all tests that run against it.

The program is the one that LIVEKIT_SERVER_BIN names, else `livekit-server` on the PATH, else the one that
`make livekit-server` has put into the cache.
"""

import atexit
import functools
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "liveavatar-site"
START_WITHIN = 60.0  # seconds
CONFIG = """\
port: {http}
bind_addresses: [127.0.0.1]
rtc: {{node_ip: 127.0.0.1, udp_port: {udp}, tcp_port: {tcp}, use_external_ip: false}}
keys: {{"{key}": "{secret}"}}
logging: {{level: warn, pion_level: error}}
"""


def binary() -> str | None:
    """Return the path of the program, if it is installed."""
    named = os.environ.get("LIVEKIT_SERVER_BIN") or shutil.which("livekit-server")
    built = sorted(str(program) for program in CACHE.glob("livekit-server-*"))
    return named or (built[-1] if built else None)


@functools.cache
def port(key: str, secret: str) -> int:
    """Return the port of the server with that key pair; start it if necessary. It ends with this process."""
    http, tcp, udp = (
        free_port(socket.SOCK_STREAM),
        free_port(socket.SOCK_STREAM),
        free_port(socket.SOCK_DGRAM),
    )
    folder = tempfile.TemporaryDirectory(prefix="livekit-server-")
    atexit.register(folder.cleanup)
    config = Path(folder.name) / "config.yaml"
    config.write_text(CONFIG.format(http=http, tcp=tcp, udp=udp, key=key, secret=secret))
    log = (Path(folder.name) / "log").open("wb")
    process = subprocess.Popen(
        [binary() or "livekit-server", "--config", str(config)], stdout=log, stderr=log
    )
    atexit.register(end, process)
    log.close()
    deadline = time.monotonic() + START_WITHIN
    while not answers(http):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"livekit-server does not serve: {Path(log.name).read_text()}")
        time.sleep(0.05)
    return http


def answers(http: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # on SIGTERM it would wait for rooms to become empty
    process.wait()


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
