"""Batches too small for a model: refused before training, with one that would do."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from genus.core.errors import RecipeError
from genus.core.model import Least
from genus.core.recipe import TrainSettings
from genus.training.smallest_batch import refuse_small_batches
from tests.training.harness import Line, make_engine, points


class Picky(Line):
    """Learns from no fewer than five examples."""

    def least_batch(self) -> Least:
        return Least(5, "model.pairs")


def test_the_smallest_of_batches_that_differ_by_one_counts(tmp_path: Path) -> None:
    source = points(24)  # by 5: batches of 4 and 5
    with pytest.raises(RecipeError, match=r"^train\.batch=5 gives batches of 4 examples, and this model "):
        make_engine(Picky(), tmp_path / "a", source=source, batch=5)
    with pytest.raises(RecipeError, match=r"needs 5 \(model\.pairs\): raise train\.batch to 6$"):
        make_engine(Picky(), tmp_path / "b", source=source, batch=5)
    make_engine(Picky(), tmp_path / "c", source=source, batch=6, length=5).fit()


def test_parts_of_a_batch_count() -> None:
    least = Least(2, "such layers")
    for accumulate, world in ((4, 1), (1, 4), (2, 2)):
        settings = TrainSettings(length=1, batch=7, accumulate=accumulate)
        with pytest.raises(RecipeError, match=r"train\.batch=7 in 4 parts gives batches of 1 example, .* 8$"):
            refuse_small_batches(least, settings, examples=1000, smallest=7, world=world)
        refuse_small_batches(least, settings, examples=1000, smallest=8, world=world)


def test_too_few_examples_are_no_matter_of_batches() -> None:
    settings = TrainSettings(length=1, batch=7)
    with pytest.raises(RecipeError, match="the data have only 4 examples; bring more"):
        refuse_small_batches(Least(5, "such layers"), settings, examples=4, smallest=4)


def test_layers_of_ones_own_may_need_more(tmp_path: Path) -> None:
    layer = nn.Identity()
    layer.least_examples = 7  # type: ignore[assignment]
    model = Line()
    model.extra = nn.Sequential(layer)
    assert model.least_batch().examples == 7
