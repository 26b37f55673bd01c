"""Data files that come with installed packages: no download."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from genus.core.errors import DataError


def package_file(module: str, package: str, name: str) -> Path:
    """Path of a file inside an installed package, found without importing it.

    Args:
        module: as it is imported.
        package: as it is installed.
        name: of the file, inside the module's folder.

    Raises:
        DataError: when it is missing.
    """
    found = importlib.util.find_spec(module)
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder, name)
        if path.is_file():
            return path
    raise DataError(f"the file {name} of the package {package} is missing: pip install {package}")
