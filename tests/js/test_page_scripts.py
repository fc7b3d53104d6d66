"""The unit tests of the page's scripts, which run in Node."""

import shutil
import subprocess

import pytest

from rigs.processes import ROOT


def test_the_pages_scripts_pass_their_own_tests() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed (Debian: apt install nodejs)")
    files = sorted(str(path) for path in (ROOT / "tests" / "js").glob("*.test.js"))

    done = subprocess.run([node, "--test", *files], cwd=ROOT, capture_output=True, text=True, check=False)

    assert files
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
