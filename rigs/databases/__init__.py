"""PostgreSQL and Redis for tests: servers of the tests' own, on free ports, with their data in a temporary folder.

    python -m rigs.databases pytest tests/site        runs any command with DATABASE_URL and REDIS_URL set

A separate process, the keeper, starts the servers and holds a pipe to the tests. When the pipe closes, however the
tests ended, the keeper stops both servers and removes the folder.
"""
