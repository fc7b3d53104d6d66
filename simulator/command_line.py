"""What the simulator's commands have in common: where they listen, how they log, and when they end."""

import asyncio
import ipaddress
import logging
import signal
import socket

from simulator.settings import InvalidSetting


def address(host: str) -> str:
    """The IP address to listen on. Raises InvalidSetting."""
    try:
        found = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise InvalidSetting(f"--host must be an IP address or localhost, not {host!r}") from None
    if found.is_unspecified:
        raise InvalidSetting(f"--host {host} is no address clients can be told; give the one they will use")
    return str(found)


def is_loopback(host: str) -> bool:
    """Nobody beyond this machine can reach that address."""
    return ipaddress.ip_address(host).is_loopback


def listen(host: str, port: int) -> socket.socket:
    """Raises InvalidSetting, for instance when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InvalidSetting(
            f"cannot listen on {host} port {port}: {error.strerror}. Choose another --port."
        ) from error


def log(level: str = "INFO") -> None:
    """Log to standard error."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if level != "DEBUG":
        for chatty in ("aioice", "aiortc"):  # they tell of every candidate pair of every connection
            logging.getLogger(chatty).setLevel(logging.WARNING)


def told_to_end() -> asyncio.Event:
    """Set by SIGINT and SIGTERM from now on."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told
