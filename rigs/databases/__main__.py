"""Run a command with PostgreSQL and Redis: python -m rigs.databases [--durable] pytest tests/site"""

import argparse
import os
import sys
from pathlib import Path

from rigs.databases.keeping import keep_databases
from rigs.databases.servers import MISSING, are_installed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rigs.databases", description=__doc__)
    parser.add_argument("--durable", action="store_true", help="keep PostgreSQL's fsync on")
    parser.add_argument(
        "--skip-if-missing", action="store_true", help="exit with 0 where they are not installed"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="command ...")
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("a command is needed, for example: pytest tests/site")
    if not are_installed():
        print(f"!!! NOT RUN ON POSTGRESQL AND REDIS: {MISSING} !!!", file=sys.stderr)
        sys.exit(0 if arguments.skip_if_missing else 1)
    databases, pipe, _keeper = keep_databases(durable=arguments.durable)
    os.environ.update(databases.settings)
    # Programs of this virtual environment are found also where it is not activated.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # The command replaces this process and takes over its end of the pipe: when it ends, the servers end.
    os.set_inheritable(pipe.fileno(), True)
    try:
        os.execvp(arguments.command[0], arguments.command)
    except FileNotFoundError:
        sys.exit(f"there is no command {arguments.command[0]!r}")


if __name__ == "__main__":
    main()
