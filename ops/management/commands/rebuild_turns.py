"""Turns derived again from the stored events, after the definition of a turn has changed."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from sessions_app.events.turns import rebuild
from sessions_app.models import AvatarSession


class Command(BaseCommand):
    help = "Derive the turns of sessions again from their stored events. Running conversations may go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument("keys", nargs="*", default=[], type=UUID, metavar="key", help="key of a session")
        chosen.add_argument("--all", action="store_true", help="every session that has events")

    def handle(self, *args: Any, **options: Any) -> None:
        sessions = AvatarSession.objects.order_by("pk")
        if not options["all"]:
            sessions = sessions.filter(key__in=options["keys"])
            unknown = set(options["keys"]) - set(sessions.values_list("key", flat=True))
            if unknown:
                raise CommandError(f"no session has the key {', '.join(map(str, sorted(unknown)))}")
        rebuilt = untold = 0
        for pk, key in sessions.values_list("pk", "key").iterator():
            turns = rebuild(pk)
            if turns is None:
                untold += 1
                continue
            rebuilt += 1
            if options["verbosity"] > 1:
                self.stdout.write(f"{key}: {turns} turns")
        self.stdout.write(f"{rebuilt} sessions rebuilt; {untold} have no events and stay as they are")
