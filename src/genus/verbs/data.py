"""``genus data info``: what data are, before anything trains."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from genus.core.command import Argument, Settings, command


def _print_info(call: partial[dict[str, Any]], *, json: bool = False) -> None:
    """Validate data and print what they are.

    Args:
        json: print JSON instead of a table.
    """
    info = call()
    if json:
        from json import dumps

        print(dumps(info, indent=1))
        return
    from genus.cli.console import make_console
    from genus.cli.describe import data_table

    make_console().print(data_table(info))


@command("data info", show=_print_info)
def data_info(
    text: Annotated[str, Argument(metavar="NAME|PATH")], arguments: Settings = None
) -> dict[str, Any]:
    """Describe and validate data before anything trains: genus data info PATH size=64 alpha=white.

    Args:
        text: name of a data set, or path of a file or folder.
        arguments: arguments of the data set or reader; in Python a mapping.

    Returns:
        See :func:`genus.data.info.data_info`.

    Raises:
        DataError: saying what is wrong with the data.
        RecipeError: when the reader takes no such argument.

    >>> data_info("ring", {"modes": 5})["spec"]
    'vector 2, unbounded values, 5 classes'
    """
    from genus.data.info import data_info as describe

    return describe(text, arguments)
