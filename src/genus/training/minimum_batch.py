"""Batches that are too small for a model are refused before training, not in the middle of it."""

from __future__ import annotations

from genus.core.errors import RecipeError
from genus.core.model import MinimumBatch
from genus.core.train_settings import TrainSettings


def refuse_small_batches(
    least: MinimumBatch, settings: TrainSettings, *, examples: int, smallest: int, world: int = 1
) -> None:
    """Refuse settings that train a model on fewer examples at once than it can learn from.

    A pass over the data is cut into batches that differ by one, so that some are smaller than
    ``train.batch``; ranks and accumulation split them further.

    Args:
        least: what the model needs.
        settings: the recipe's ``train``.
        examples: of the data.
        smallest: examples in the smallest batch.
        world: processes that share each batch.

    Raises:
        RecipeError: saying which batch would do.
    """
    parts = world * settings.accumulate
    at_once = max(1, smallest // world // settings.accumulate)
    if at_once >= least.examples:
        return
    split = f" in {parts} parts" if parts > 1 else ""
    needed = least.examples * parts
    advice = (
        f"raise train.batch to {sufficient_batch(examples, needed)}"
        if needed <= examples
        else f"the data have only {examples} examples; bring more, or do without"
    )
    raise RecipeError(
        f"train.batch={settings.batch}{split} gives batches of {at_once} "
        f"{'example' if at_once == 1 else 'examples'}, and this model needs {least.examples} "
        f"({least.why}): {advice}"
    )


def sufficient_batch(examples: int, needed: int) -> int:
    """The smallest ``train.batch`` whose batches have ``needed`` examples at least.

    >>> sufficient_batch(20, 8)  # 9 would make three batches, of 6 and 7
    10
    """
    batches = examples // needed
    return -(-examples // batches)
