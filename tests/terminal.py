"""The command line in this process, which spares each test the import of torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from genus.cli.main import main


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def genus_says(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Function that runs ``genus WORDS …``; a traceback fails the test, as it would show to a user."""
    monkeypatch.setenv("COLUMNS", "250")

    def run(*words: object) -> Result:
        code = 0
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run
