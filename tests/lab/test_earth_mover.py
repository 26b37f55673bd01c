"""The earth mover's experiment against the number of the lecture."""

from __future__ import annotations

import pytest

from tests.lab.helpers import run


def test_the_lecture_needs_seven() -> None:
    assert run("earth-mover").numbers["work"] == pytest.approx(7, abs=1e-9)
    run("earth-mover", power=2, source=[0, 3, 1], target=[2, 0, 2])
