"""Examples held back from training, by which a checkpoint is chosen while the test split stays unseen."""

from __future__ import annotations

import numpy as np

from genus.core.errors import DataError
from genus.data.array_source import Subset
from genus.data.source import Source
from genus.data.split import hold_out

SHARE = 0.1
LEAST, MOST = 10, 1_000
"""Examples held back, whatever a tenth of the training examples is."""
_SEED = 20_240_601
"""Of this choice alone: the test split was chosen by another."""


def hold_back(source: Source) -> tuple[Source, Source]:
    """Training examples without a tenth of them (10 to 1,000), and that tenth; the same in every run.

    No group of examples is cut.

    Raises:
        DataError: for fewer than 20 examples.
    """
    n = len(source)
    if n < 2 * LEAST:
        raise DataError(
            f"train.patience chooses a checkpoint by {LEAST} or more examples held back from training, and "
            f"there are {n} training examples: bring {2 * LEAST}, or leave train.patience out"
        )
    share = np.clip(SHARE * n, LEAST, MOST) / n
    kept, held = hold_out(n, float(share), groups=source.groups, seed=_SEED)
    return Subset(source, kept), Subset(source, held)
