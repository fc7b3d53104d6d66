"""The mark of tests that cannot run without PostgreSQL and Redis."""

import pytest

from rigs.databases.servers import MISSING, are_installed

needs_databases = pytest.mark.skipif(not are_installed(), reason=f"!!! NOT RUN: {MISSING} !!!")
