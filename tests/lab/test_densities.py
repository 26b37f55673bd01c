"""The experiment on density estimates: which width errs least."""

from __future__ import annotations

import pytest

from genus.core.errors import InputError
from tests.lab.helpers import run


def test_experiment() -> None:
    errors = run("densities").numbers["integrated squared error"]
    assert errors["best"] <= errors["leaving one out"] < errors["Silverman"]  # two widths deceive the rule
    run("densities", weights=[1], means=[0], stds=[1], samples=200)
    for wrong in ({"samples": 10}, {"bandwidths": 1}):
        with pytest.raises(InputError):
            run("densities", **wrong)
