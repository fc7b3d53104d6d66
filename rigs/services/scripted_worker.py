"""A process in place of `python -m simulator.avatar`, which acts out a script of the test.

The script is the first argument (acted out before it is warm) or the session's dynamic variable `script`.
"""

import json
import os
import sys
import time


def say(**report: object) -> None:
    write(json.dumps(report))


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    manner = sys.argv[1] if len(sys.argv) > 1 else "normal"
    if manner == "stillborn":
        sys.exit("cannot find my face")
    if manner == "sluggish":
        time.sleep(60)
    say(**{"is": "warm"})
    if manner == "short_lived":
        sys.exit(4)
    job = json.loads(sys.stdin.readline() or sys.exit(0))
    act(job.get("dynamic_variables", {}).get("script", "normal"), job)
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] in ("socket", "media"):
            echo(order)
        if order["do"] == "stop":
            say(**{"is": "transcript", "role": "avatar", "text": line.strip(), "at": int(time.time() * 1000)})
            sys.exit(0)


def echo(order: dict[str, object]) -> None:
    """Echo orders to the media websocket, long frames by their length."""
    if order["do"] == "media":
        say(**{"is": "activity"})
        if order["frame"] == "die":
            sys.exit(3)
    if "connection" in order:
        shown = {**order, "frame": order.get("frame") and str(order["frame"])[:100]}
        say(**{"is": "media", "connection": order["connection"], "frame": json.dumps(shown)})


def act(script: str, job: dict[str, object]) -> None:
    match script:
        case "never_ready":
            time.sleep(60)
        case "fails":
            say(**{"is": "failed", "why": "no such room"})
            sys.exit(1)
        case "dies_joining":
            sys.exit("the room fell on me")
    write("this line is no report")
    say(**{"is": "ready"})
    match script:
        case "tells_its_pid":
            tell(str(os.getpid()))
        case "tells_its_job":
            tell(json.dumps(job))
        case "leaves_unasked":
            time.sleep(0.3)
            sys.exit(0)
        case "deaf":
            time.sleep(60)
        case "talks":
            say(**{"is": "user_joined", "identity": "client-1"})
            say(**{"is": "transcript", "role": "user", "text": "Hello", "at": int(time.time() * 1000)})
            say(**{"is": "transcript", "role": "stranger", "text": "?", "at": 1})
            say(
                **{
                    "is": "transcript",
                    "role": "avatar",
                    "text": "Hi there",
                    "at": int(time.time() * 1000) + 5,
                }
            )


def tell(text: str) -> None:
    say(**{"is": "transcript", "role": "avatar", "text": text, "at": int(time.time() * 1000)})


main()
