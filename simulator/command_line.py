"""Listening, logging and signals, shared by `python -m simulator` and `python -m simulator.room`."""

import asyncio
import ipaddress
import logging
import signal
import socket

from simulator.settings import InvalidSetting


def address(host: str) -> str:
    """Return the IP address that `host` names. Raises InvalidSetting."""
    try:
        found = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise InvalidSetting(f"--host must be an IP address or localhost, not {host!r}") from None
    if found.is_unspecified:
        raise InvalidSetting(f"clients cannot connect to --host {host}; give the address that they will use")
    return str(found)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`, an IP address."""
    return ipaddress.ip_address(host).is_loopback


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket. Raises InvalidSetting, for instance when the port is in use."""
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
        for chatty in ("aioice", "aiortc"):  # they log every candidate pair of every connection
            logging.getLogger(chatty).setLevel(logging.WARNING)


def told_to_end() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set from now on."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told
