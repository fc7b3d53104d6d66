#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liveavatar_site.settings")
    if sys.argv[1:2] == ["demo"]:
        # The demo must run from a fresh clone, which has no settings.
        os.environ.setdefault("DEBUG", "1")
    execute_from_command_line(sys.argv)
