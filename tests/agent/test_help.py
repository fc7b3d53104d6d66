"""`python -m agent --help`."""

import pytest

from agent.__main__ import main
from agent.settings import Settings


def test_the_help_names_every_setting_of_the_worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["agent", "--help"])

    with pytest.raises(SystemExit) as exit:
        main()

    assert exit.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: python -m agent")
    assert [
        setting.alias for setting in Settings.model_fields.values() if str(setting.alias) not in text
    ] == []
