"""Source files of genus and of plug-ins, read as text and parsed only when something in them is needed.

Plug-ins: a package with an entry point in the group ``genus.plugins`` whose value is a module name; that
module (or every file of that package) is read.
"""

from __future__ import annotations

import ast
import gc
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

from genus.core.errors import GenusError

ENTRY_POINTS = "genus.plugins"


@dataclass(frozen=True)
class SourceFile:
    """A module's name and file."""

    module: str
    path: Path

    @cached_property
    def text(self) -> str:
        """Text of the file; empty where it is a plug-in's and cannot be read."""
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.leave_out(error)
            return ""

    @cached_property
    def body(self) -> list[ast.stmt]:
        """Its statements; none where it is a plug-in's and no Python."""
        try:
            with collector_paused():
                return ast.parse(self.text).body
        except (SyntaxError, ValueError, RecursionError) as error:
            self.leave_out(error)
            return []

    def leave_out(self, error: Exception) -> None:
        """Warn that a plug-in's file is left out, so that commands go on without it.

        Raises:
            Exception: the error itself, where the file is one of genus.
        """
        if self.module.partition(".")[0] == "genus":
            raise error
        _warn(f"{self.path} of plug-in {self.module.partition('.')[0]!r}", error)

    def functions(self) -> Iterator[ast.FunctionDef]:
        """Functions of the module itself."""
        return (node for node in self.body if isinstance(node, ast.FunctionDef))


class PluginWarning(UserWarning):
    """A plug-in, or a file of it, is broken and was left out."""


def _warn(what: str, error: Exception) -> None:
    message = f"{what} is left out: {type(error).__name__}: {error}; mend or uninstall it"
    warnings.warn(message, PluginWarning, stacklevel=3)


@contextmanager
def collector_paused() -> Generator[None, None, None]:
    """No garbage collection: syntax trees and modules all live on, and looking at them doubles the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@lru_cache
def source_files(folders: tuple[str, ...]) -> tuple[SourceFile, ...]:
    """Files of genus in these folders, then those of installed plug-ins."""
    root = Path(__file__).parents[1]
    own = [file for folder in folders for file in _files(f"genus.{folder}", root / folder)]
    return (*own, *(file for package, path in plugins() for file in _files(package, path)))


@cache
def source_file(module: str) -> SourceFile | None:
    """The file of a module of genus or of an installed plug-in, by its dotted name; None for others."""
    package, *rest = module.split(".")
    roots = {"genus": Path(__file__).parents[1], **dict(plugins())}
    root = roots.get(package)
    if root is None or root.is_file():
        return _file(module, root) if root is not None and not rest else None
    stem = root.joinpath(*rest)
    paths = (path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file())
    path = next(paths, None)
    return None if path is None else _file(module, path)


def forget_files() -> None:
    """Look for files and read them anew when they are next needed."""
    for function in (plugins, source_files, source_file, _file):
        function.cache_clear()


def plugin_folders() -> list[Path]:
    """Folders of installed plug-in packages (they may hold ``recipes/``)."""
    return [path if path.is_dir() else path.parent for _, path in plugins()]


@lru_cache
def plugins() -> tuple[tuple[str, Path], ...]:
    """Modules of plug-ins, with the folder of a package or the file of a single module.

    One that is not to be found is left out with a warning that names it.
    """
    found: list[tuple[str, Path]] = []
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            spec = importlib.util.find_spec(entry.value)
            if spec is None or spec.origin is None:
                raise GenusError(f"it names {entry.value!r}, which is not installed")
        except Exception as error:  # to find a module in a package runs the package
            _warn(f"plug-in {entry.name!r}", error)
            continue
        origin = Path(spec.origin)
        found.append((entry.value, origin.parent if spec.submodule_search_locations else origin))
    return tuple(found)


def _files(package: str, path: Path) -> Iterator[SourceFile]:
    if path.is_file():
        yield _file(package, path)
        return
    for file in sorted(path.rglob("*.py")):
        parts = file.relative_to(path).with_suffix("").parts
        yield _file(".".join((package, *(p for p in parts if p != "__init__"))), file)


@cache
def _file(module: str, path: Path) -> SourceFile:
    """One object for each file, so that none is read or parsed twice."""
    return SourceFile(module, path)
