"""Serve the simulated LiveAvatar service on this machine: `python -m simulator`."""

import argparse
import asyncio
import json
import os
import socket
import sys
from dataclasses import asdict, replace

from simulator.addresses import Addresses
from simulator.command_line import address, is_loopback, listen, log, told_to_end
from simulator.server import serving
from simulator.settings import InvalidSetting, Settings, from_environment, port
from voice.settings import InvalidSpeechSetting
from voice.settings import from_environment as speech_settings

BANNER = """\
The LiveAvatar simulator is serving. Stop it with Ctrl-C.

  console       {api_url}/simulator/
  API           {api_url}
{room_server}

Point a client at it. Any API key works unless SIMULATOR_API_KEY is set:
  this site     LIVEAVATAR_API_URL={api_url}
  web SDK       new LiveAvatarSession(token, {{ apiUrl: "{api_url}" }})
  LiveKit       LIVEKIT_URL={livekit_url} LIVEKIT_API_KEY and LIVEKIT_API_SECRET as {keys}
"""
EMBEDDED = """\
  room server   {livekit_url}
  room key      {livekit_api_key}
  room secret   {livekit_api_secret}"""
ELSEWHERE = """\
  room server   {livekit_url} (SIMULATOR_LIVEKIT_URL; the embedded one is off)"""


def main() -> int:
    """Serve until SIGINT or SIGTERM. Return the exit code: 1 when a setting prevents the start."""
    arguments = _arguments()
    try:
        settings = _settings(arguments, from_environment(os.environ))
        speech_settings(os.environ)  # only the avatar processes use them; report a mistake at the start
        log(settings.log_level)
        with listen(settings.host, settings.port) as listener:
            asyncio.run(_serve(settings, listener, as_json=arguments.json))
    except (InvalidSetting, InvalidSpeechSetting) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(settings: Settings, listener: socket.socket, *, as_json: bool) -> None:
    told = told_to_end()
    async with serving(settings, listener) as addresses:
        print(_json(addresses) if as_json else banner(addresses, settings), flush=True)
        await told.wait()


def banner(addresses: Addresses, settings: Settings) -> str:
    """Return the text for the terminal. It names the room key and secret only of the embedded room server."""
    room_server, keys = (EMBEDDED, "above") if settings.livekit is None else (ELSEWHERE, "here")
    told = asdict(addresses)
    return BANNER.format(**told, room_server=room_server.format(**told), keys=keys)


def _json(addresses: Addresses) -> str:
    return json.dumps({**asdict(addresses), "pid": os.getpid()})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m simulator", description=__doc__)
    parser.add_argument(
        "--port", type=port, help="TCP port, 0 for a free one (default: SIMULATOR_PORT or 8700)"
    )
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--json", action="store_true", help="print the addresses as one line of JSON")
    return parser.parse_args()


def _settings(arguments: argparse.Namespace, settings: Settings) -> Settings:
    if arguments.port is not None:
        settings = replace(settings, port=arguments.port)
    if arguments.host is None:
        return settings
    host = address(arguments.host)
    if not is_loopback(host) and settings.api_key is None:
        raise InvalidSetting(
            "set SIMULATOR_API_KEY before listening beyond this machine: without it the API accepts any key"
        )
    return replace(settings, host=host)


if __name__ == "__main__":
    sys.exit(main())
