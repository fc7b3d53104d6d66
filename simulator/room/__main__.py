"""`python -m simulator.room`: run the room server alone, in place of a livekit-server on this machine."""

import argparse
import asyncio
import json
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from simulator.command_line import address, listen, log, told_to_end
from simulator.room.server import RoomServer
from simulator.settings import InvalidSetting, port

BANNER = """\
The room server is serving. Stop it with Ctrl-C.

  LIVEKIT_URL={url}
  LIVEKIT_API_KEY={key}
  LIVEKIT_API_SECRET={secret}
"""
SHORTEST_SECRET = 32  # characters; shorter ones are weak for HS256


@dataclass(frozen=True, slots=True)
class Keys:
    """The key pair that signs access tokens."""

    key: str
    secret: str = field(repr=False)


def main() -> int:
    """Serve until SIGINT or SIGTERM. Return the exit code: 1 if a setting is wrong or the port is taken."""
    arguments = _arguments()
    log()
    try:
        keys = _keys(os.environ)
        with listen(address(arguments.host), arguments.port) as listener:
            asyncio.run(_serve(keys, listener, as_json=arguments.json))
    except InvalidSetting as error:
        print(f"room server: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(keys: Keys, listener: socket.socket, *, as_json: bool) -> None:
    told = told_to_end()
    host, number = listener.getsockname()[:2]
    url = f"ws://[{host}]:{number}" if ":" in host else f"ws://{host}:{number}"
    server, app = RoomServer(keys.key, keys.secret, host), web.Application()
    server.add_routes(app)
    runner = web.AppRunner(app, access_log=None)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        print(
            _json(url, keys) if as_json else BANNER.format(url=url, key=keys.key, secret=keys.secret),
            flush=True,
        )
        await told.wait()
    finally:
        await server.close()
        await runner.cleanup()


def _json(url: str, keys: Keys) -> str:
    """Return address and keys under the names of the simulator's own JSON line."""
    return json.dumps(
        {
            "livekit_url": url,
            "livekit_api_key": keys.key,
            "livekit_api_secret": keys.secret,
            "pid": os.getpid(),
        }
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m simulator.room",
        description=__doc__,
        epilog="LIVEKIT_API_KEY and LIVEKIT_API_SECRET set the key pair; without them it is random.",
    )
    parser.add_argument("--port", type=port, default=7880, help="TCP port, 0 for a free one (default: 7880)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--json", action="store_true", help="print address and keys as one line of JSON")
    return parser.parse_args()


def _keys(environ: Mapping[str, str]) -> Keys:
    key, secret = environ.get("LIVEKIT_API_KEY", ""), environ.get("LIVEKIT_API_SECRET", "")
    if bool(key) != bool(secret):
        raise InvalidSetting("set both LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or neither")
    if secret and len(secret) < SHORTEST_SECRET:
        raise InvalidSetting(f"LIVEKIT_API_SECRET must be at least {SHORTEST_SECRET} characters long")
    return Keys(key or f"room{secrets.token_hex(6)}", secret or secrets.token_urlsafe(32))


if __name__ == "__main__":
    sys.exit(main())
