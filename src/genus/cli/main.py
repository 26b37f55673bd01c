"""The command line: parses, calls the public functions, prints.

Nothing heavy is imported before a command runs, so that help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import signature
from itertools import islice, pairwise

from genus.cli.app import VERBS, app

_MODULES = [  # each registers its own commands; help shows them in this order
    import_module(f"genus.cli.{name}") for name in ("using", "measuring", "asking")
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    words = ["--condition" + word[7:] if word.partition("=")[0] == "--given" else word for word in words]
    if words == ["--version"]:
        from genus import __version__

        print(__version__)
        return
    try:
        _check_verb(words)
        verb, options, positional = words[:1], words[1:], list[str]()
        if words and not words[0].startswith("-"):
            options, positional = _split(options, _options(words[0]))
        if verb == ["train"] and positional and {"-h", "--help"} & set(options):
            from genus.cli import commands

            data = dict(pairwise(options)).get("--data")
            commands.train_help(positional, data)
            return
        if verb == ["lab"] and positional and {"-h", "--help"} & set(options):
            from genus.cli import commands

            commands.lab_help(positional)
            return
        app.cli(prog="genus", args=[*verb, *options, *positional], description=_ABOUT)
    except KeyboardInterrupt:
        sys.exit(1)
    except Exception as error:
        from genus.core.errors import GenusError

        if not isinstance(error, GenusError):
            raise
        print(f"genus: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _check_verb(words: Sequence[str]) -> None:
    """Refuse an unknown verb with the nearest one."""
    if words and not words[0].startswith("-") and words[0] not in VERBS:
        from genus.core.errors import InputError, nearest

        raise InputError(f"there is no command {words[0]!r}{nearest(words[0], VERBS)}")


def _options(verb: str) -> dict[str, bool]:
    """A command's options, and whether a value follows."""
    function = next(f for m in _MODULES for f in (vars(m).get(verb), vars(m).get(f"{verb}_")) if f)
    options = {"-h": False, "--help": False}
    for name, parameter in signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            flag, word = isinstance(parameter.default, bool), name.replace("_", "-")
            options |= {f"--{word}": not flag}
            options |= {f"--no-{word}": False} if flag else {}
            options |= {"-n": True} if name == "n" else {}
    return options


def _split(words: Sequence[str], known: Mapping[str, bool]) -> tuple[list[str], list[str]]:
    """Options with their values, and the other words: options may stand anywhere among them.

    Raises:
        InputError: for an option that is not known, or lacks its value.
    """
    from genus.core.errors import InputError, nearest

    options: list[str] = []
    positional: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            positional.append(word)
        elif name not in known:
            raise InputError(f"there is no option {name}{nearest(name, known)}")
        elif known[name]:
            values = [value] if equals else list(islice(rest, 1))
            if not values:
                raise InputError(f"{name} needs a value: {name} VALUE")
            options += [name, *values]
        else:
            options.append(word)
    return options, positional


_ABOUT = "Train, sample and honestly measure deep generative models."
