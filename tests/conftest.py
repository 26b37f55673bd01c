"""Shared fixtures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from tests.terminal import genus_says as genus_says

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data sets that genus does not ship; skips where there is none."""
    folder = Path(os.environ.get("GENUS_DATA") or Path(__file__).parents[1] / "../shared/data").resolve()
    if not folder.is_dir():
        pytest.skip("needs real data: set GENUS_DATA to their folder")
    return folder
