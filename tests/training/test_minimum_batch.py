"""Batches too small for a model: refused before training, with one that would do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from genus.core.errors import RecipeError
from genus.core.model import MinimumBatch
from genus.core.train_settings import TrainSettings
from genus.layers.convolution import normalisation
from genus.training.minimum_batch import refuse_small_batches
from tests.training.harness import Line, make_engine, points


class Picky(Line):
    """Learns from no fewer than five examples."""

    def minimum_batch(self) -> MinimumBatch:
        return MinimumBatch(5, "model.pairs")


def test_the_smallest_of_batches_that_differ_by_one_counts(tmp_path: Path) -> None:
    source = points(24)  # by 5: batches of 4 and 5
    with pytest.raises(RecipeError, match=r"^train\.batch=5 gives batches of 4 examples, and this model "):
        make_engine(Picky(), tmp_path / "a", source=source, batch=5)
    with pytest.raises(RecipeError, match=r"needs 5 \(model\.pairs\): raise train\.batch to 6$"):
        make_engine(Picky(), tmp_path / "b", source=source, batch=5)
    make_engine(Picky(), tmp_path / "c", source=source, batch=6, length=5).fit()


def test_parts_of_a_batch_count() -> None:
    least = MinimumBatch(2, "such layers")
    for accumulate, world in ((4, 1), (1, 4), (2, 2)):
        settings = TrainSettings(length=1, batch=7, accumulate=accumulate)
        with pytest.raises(RecipeError, match=r"train\.batch=7 in 4 parts gives batches of 1 example, .* 8$"):
            refuse_small_batches(least, settings, examples=1000, smallest=7, world=world)
        refuse_small_batches(least, settings, examples=1000, smallest=8, world=world)


def test_too_few_examples_are_no_matter_of_batches() -> None:
    settings = TrainSettings(length=1, batch=7)
    with pytest.raises(RecipeError, match="the data have only 4 examples; bring more"):
        refuse_small_batches(MinimumBatch(5, "such layers"), settings, examples=4, smallest=4)


@pytest.mark.parametrize("dims", [0, 1, 2, 3])
def test_of_norms_over_a_batch_only_those_of_vectors_need_a_second_example(dims: int, tmp_path: Path) -> None:
    model = Line()
    model.norm = normalisation("batch", 3, dims).train()
    one = torch.randn(1, 3, *(2,) * dims)
    assert model.minimum_batch().examples == (1 if dims else 2)
    if dims:
        assert model.norm(one).isfinite().all()
        make_engine(model, tmp_path / "run", batch=1)
        return
    with pytest.raises(ValueError, match="more than 1 value"):
        model.norm(one)
    with pytest.raises(
        RecipeError, match=r"needs 2 \(batch normalisation of vectors\): raise train.batch to 2"
    ):
        make_engine(model, tmp_path / "run", batch=1)


def test_layers_of_ones_own_may_need_more(tmp_path: Path) -> None:
    layer = nn.Identity()
    layer.minimum_examples = 7  # type: ignore[assignment]
    model = Line()
    model.extra = nn.Sequential(layer)
    assert model.minimum_batch().examples == 7
