"""The two servers as processes: PostgreSQL with a new cluster, and Redis. They listen on loopback only."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import threading
from collections import deque
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

MISSING = "PostgreSQL and Redis are not both installed: apt install postgresql redis-server"
DEBIAN_PROGRAMS = "/usr/lib/postgresql/*/bin"
START_WITHIN = 60.0  # seconds; a machine under load takes many times the usual second
STOP_WITHIN = 20.0  # seconds
DATABASE = "postgres"  # every cluster has it
REDIS_DATABASES = 64  # one for each worker of pytest-xdist

POSTGRES_CONFIG = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 64MB
timezone = 'UTC'
lc_messages = 'C'
"""
# A crash of the machine may cost the data; a test that crashes the machine is not among ours.
NOT_DURABLE = """\
fsync = off
synchronous_commit = off
full_page_writes = off
"""
REDIS_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
databases {databases}
dir {folder}
save ""
"""


def are_installed() -> bool:
    return bool(
        _postgres_program("postgres") and _postgres_program("initdb") and shutil.which("redis-server")
    )


class _Server(AbstractContextManager["_Server"]):
    """A process whose output says when it is ready."""

    def __init__(self, command: list[str], ready: str, stop_by: signal.Signals, config: str = "") -> None:
        self._program = command[0]
        self._stop_by = stop_by
        self._ready = ready
        self._said: deque[str] = deque(maxlen=50)  # its last lines, for the error
        self._decided = threading.Event()
        self._is_ready = False
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **_other_user(),
        )
        assert self._process.stdin is not None
        self._process.stdin.write(config)
        self._process.stdin.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        self._decided.wait(START_WITHIN)
        if not self._is_ready:
            self.stop()
            raise RuntimeError(f"{self._program} does not start:\n{''.join(self._said)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.send_signal(self._stop_by)
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(STOP_WITHIN)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._said.append(line)
                if self._ready in line:
                    self._is_ready = True
                    self._decided.set()
        self._decided.set()


class PostgreSQL(_Server):
    """A new cluster in `folder`. `durable` keeps fsync on."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        port, password = _free_port(), secrets.token_hex(16)
        self.url = f"postgresql://site:{password}@127.0.0.1:{port}/{DATABASE}"
        password_file = folder / "password"
        password_file.write_text(password, encoding="ascii")
        give_away(password_file)
        cluster = folder / "postgresql"
        how = ["--username=site", "--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"]
        _run("initdb", f"--pgdata={cluster}", "--locale=C.UTF-8", "--no-sync", "--no-instructions", *how)
        config = POSTGRES_CONFIG.format(port=port) + ("" if durable else NOT_DURABLE)
        with (cluster / "postgresql.auto.conf").open("a", encoding="ascii") as file:
            file.write(config)
        command = [_postgres_program("postgres"), "-D", str(cluster)]
        super().__init__(command, "database system is ready to accept connections", signal.SIGINT)


class Redis(_Server):
    """A server that keeps everything in memory."""

    def __init__(self, folder: Path) -> None:
        port, password = _free_port(), secrets.token_hex(16)
        self.url = f"redis://:{password}@127.0.0.1:{port}/0"
        config = REDIS_CONFIG.format(port=port, password=password, databases=REDIS_DATABASES, folder=folder)
        # The configuration travels on stdin: a command line shows the password to every user of the machine.
        super().__init__(["redis-server", "-"], "Ready to accept connections", signal.SIGTERM, config)


def _postgres_program(name: str) -> str:
    """Where the program is; Debian keeps it off the PATH. Empty when it is not installed."""
    newest_first = sorted(Path("/").glob(DEBIAN_PROGRAMS.lstrip("/")), key=_version_of, reverse=True)
    debian = os.pathsep.join(str(folder) for folder in newest_first)
    return shutil.which(name) or shutil.which(name, path=debian) or ""


def _version_of(programs: Path) -> int:
    return int(programs.parent.name) if programs.parent.name.isdecimal() else 0


def _run(program: str, *arguments: str) -> None:
    command = [_postgres_program(program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, **_other_user())
    if done.returncode:
        raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")


def _other_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: a root's servers run as another user. Arguments of subprocess.Popen."""
    user = _server_user()
    if user is None:
        return {}
    home = {**os.environ, "HOME": "/", "LC_ALL": "C.UTF-8"}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "env": home, "cwd": "/"}


def _server_user() -> pwd.struct_passwd | None:
    """Return the user `postgres`, or else `nobody`; None unless this process runs as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def give_away(path: Path) -> None:
    """Make the user that the servers run as the owner of `path`."""
    user = _server_user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
