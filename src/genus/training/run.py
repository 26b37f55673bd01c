"""A run: the folder that holds everything about one training."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from genus.core.errors import CheckpointError, GenusError, InputError
from genus.core.recipe import Recipe, load_recipe
from genus.core.recipe_text import parse_yaml
from genus.core.spec import DataSpec
from genus.training.checkpoints import (
    Checkpoint,
    list_checkpoints,
    load_checkpoint,
    load_newest,
    save_checkpoint,
)
from genus.training.durable import write_text
from genus.training.run_files import damaged, is_count, is_number, is_text, read_fields, read_lines, read_text
from genus.training.run_lock import claimed

FORMAT = 2
"""Version of the folder's form: 2 since examples and conditions are spaces."""

_DATA = "data.json"


class Run:
    """A folder with ``recipe.yaml``, ``data.json``, ``checkpoints/``, ``metrics.jsonl``, ``samples/``.

    Args:
        path: an existing run; :meth:`create` makes a new one.

    Raises:
        InputError: when ``path`` is no run.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        if not (self.path / "recipe.yaml").is_file():
            raise InputError(
                f"{str(self.path)!r} is not a run (no recipe.yaml in it); give the folder that "
                "`genus train` printed"
            )

    @classmethod
    def create(cls, path: str | Path, recipe: Recipe, spec: DataSpec, fingerprint: str) -> Run:
        """Make a run folder.

        Of several processes that ask for one folder exactly one makes it.

        Raises:
            BusyError: when another process is making or writing it.
            InputError: when the folder exists and is not empty.
        """
        folder = Path(path)
        with claimed(folder):
            cls._write(folder, recipe, spec, fingerprint)
        return cls(folder)

    @staticmethod
    def _write(folder: Path, recipe: Recipe, spec: DataSpec, fingerprint: str) -> None:
        try:
            (folder / "samples").mkdir(parents=True, exist_ok=True)
            (folder / "checkpoints").mkdir(exist_ok=True)
            details = {
                "format": FORMAT,
                "recipe": recipe.name,
                "spec": spec.to_json(),
                "fingerprint": fingerprint,
            }
            write_text(folder / _DATA, json.dumps(details, indent=1))
            write_text(folder / "recipe.yaml", recipe.to_yaml())
        except OSError as error:
            raise InputError(f"cannot write to {str(folder)!r}: {error.strerror or error}") from error

    def __fspath__(self) -> str:
        """Path of the folder, so that a run serves wherever a path is expected."""
        return str(self.path)

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        """Folder of the sample sheets."""
        return self.path / "samples"

    @property
    def name(self) -> str:
        """Name of the recipe this run was started from."""
        return str(self._details()["recipe"])

    @property
    def spec(self) -> DataSpec:
        """Specification of the training data."""
        fields = self._details()["spec"]
        try:
            return DataSpec.from_json(fields)
        except (GenusError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(self.path / _DATA, f"{type(error).__name__}: {error}") from error

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the training data."""
        return str(self._details()["fingerprint"])

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        name = self.name  # refuses a run of another format before its keys are looked at
        path = self.path / "recipe.yaml"
        raw = parse_yaml(read_text(path), str(path))
        return Recipe(name, load_recipe(raw).config)

    def change_recipe(self, recipe: Recipe) -> None:
        """Replace the recipe, to lengthen a run."""
        write_text(self.path / "recipe.yaml", recipe.to_yaml())

    def save(self, checkpoint: Checkpoint) -> Path:
        """Commit a checkpoint and return its path."""
        return save_checkpoint(self.checkpoints, checkpoint)

    def load(self, which: str = "latest") -> Checkpoint:
        """Load ``latest`` or ``best``.

        Raises:
            CheckpointError: when there is no such good checkpoint.
        """
        if which == "best":
            best = self.best
            if best is None:
                raise CheckpointError(f"{self.path} has no best checkpoint: train with train.score_every")
            return load_checkpoint(self.checkpoints / f"{best['iteration']:08d}")
        if not list_checkpoints(self.checkpoints):
            raise CheckpointError(f"{self.path} has no checkpoint yet; start again with `genus resume`")
        return load_newest(self.checkpoints)

    @property
    def best(self) -> dict[str, Any] | None:
        """Metric, value and iteration of the best scored checkpoint, or None."""
        path = self.path / "best.json"
        return (
            read_fields(path, iteration=is_count, value=is_number, metric=is_text) if path.is_file() else None
        )

    def mark_best(self, best: Mapping[str, Any] | None) -> None:
        """Remember which checkpoint scored best: its metric, value and iteration; None forgets."""
        if best is None:
            (self.path / "best.json").unlink(missing_ok=True)
        else:
            write_text(self.path / "best.json", json.dumps(dict(best)))

    @property
    def log_path(self) -> Path:
        """The log, one JSON object per line."""
        return self.path / "metrics.jsonl"

    @property
    def doctor_path(self) -> Path:
        """The doctor's record, one JSON object per line."""
        return self.path / "doctor.jsonl"

    def log_lines(self) -> Iterator[dict[str, Any]]:
        """Lines of the log; what is no line of it, as after a crash, is passed over."""
        return read_lines(self.log_path, "iteration", "samples", "stage", "seconds", "cpu_seconds")

    def rewind_log(self, iteration: int) -> None:
        """Drop lines written after ``iteration``, before training continues from there."""
        kept = [line for line in self.log_lines() if line["iteration"] <= iteration]
        write_text(self.log_path, "".join(json.dumps(line) + "\n" for line in kept))

    def _details(self) -> dict[str, Any]:
        details = read_fields(self.path / _DATA)
        found = details.get("format", 1)
        if found != FORMAT:
            raise InputError(
                f"{str(self.path)!r} is a run of format {found}; this version of genus reads format "
                f"{FORMAT}. Train it again, or use the version that made it"
            )
        for key in ("recipe", "spec", "fingerprint"):
            if key not in details:
                raise damaged(self.path / _DATA, f"{key!r} is missing")
        return details
