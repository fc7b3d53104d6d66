"""The project's settings for a test run."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests-and-never-used-anywhere-else-0123456789")
os.environ.setdefault("DEBUG", "0")
os.environ.setdefault("HTTPS", "0")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")

# Tests ignore the developer's own settings and spend no credits.
os.environ["ENV_FILE"] = os.devnull
os.environ["LIVEAVATAR_API_KEY"] = ""
os.environ["LIVEAVATAR_API_URL"] = ""
os.environ["SIMULATOR_DATA"] = ""

# Set by `python -m rigs.databases`; otherwise cache and channel layer are in memory. Each test empties its cache, so
# each worker of pytest-xdist has a Redis database of its own, as pytest-django gives it one of PostgreSQL's.
if os.environ.get("REDIS_URL") and (worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")):
    os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{int(worker) + 1}"

from liveavatar_site.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
