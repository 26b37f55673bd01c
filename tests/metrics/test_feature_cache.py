"""Features of real examples are computed once for all models measured by one protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from genus.metrics.evaluate import gather, measure
from genus.metrics.features.plain import Identity
from tests.metrics.test_evaluate import Grid, Perfect

METRICS = ["frechet", "neighbours", "accuracy", "two-sample"]


class Counted(Identity):
    """Features that count what they are asked for."""

    def __init__(self) -> None:
        super().__init__(Grid(1, 0).spec)
        self.seen = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        return super().__call__(x)


def _measured(keep: Path | None, features: Counted, *, seed: int = 0, test: int = 100) -> dict[str, float]:
    found = gather(
        Perfect(),
        train=Grid(200, 1),
        test=Grid(test, 2),
        data_name="grid",
        fingerprint=f"of {test}",
        features=features,
        n=100,
        seed=seed,
        keep=keep,
    )
    result = measure(found, METRICS)
    return {score.name: score.value for score in result.scores}


def test_the_second_model_costs_its_own_samples_only(tmp_path: Path) -> None:
    first, second = Counted(), Counted()
    plain = _measured(None, Counted())
    assert plain == _measured(tmp_path / "real", first) == _measured(tmp_path / "real", second)
    assert len(plain) > 3
    assert first.seen > 300
    assert second.seen == 100


@pytest.mark.parametrize("changed", [{"seed": 1}, {"test": 120}])
def test_another_protocol_shares_nothing(tmp_path: Path, changed: dict[str, int]) -> None:
    _measured(tmp_path, Counted())
    kept = Counted()
    assert _measured(tmp_path, kept, **changed) == _measured(None, Counted(), **changed)
    assert kept.seen > 300


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    plain = _measured(tmp_path, Counted())
    files = sorted(tmp_path.iterdir())
    assert files
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[:40])
    assert _measured(tmp_path, Counted()) == plain
    assert files[0].read_bytes() == whole


def test_labels_are_kept(tmp_path: Path) -> None:
    def reference() -> tuple[np.ndarray, Tensor | None]:
        found = gather(
            Perfect(),
            train=Grid(200, 1),
            test=Grid(100, 2),
            data_name="grid",
            fingerprint="",
            n=50,
            keep=tmp_path,
        )
        return found.real.reference.features, found.real.reference.class_labels

    (before, asked), (after, kept) = reference(), reference()
    np.testing.assert_array_equal(before, after)
    assert asked is not None
    assert kept is not None
    assert torch.equal(asked, kept)
