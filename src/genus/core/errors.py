"""Errors that tell the user what to do next.

Every error a user can meet derives from :class:`GenusError`; its ``exit_code`` is what the
command line returns: 1 when work failed, 2 when the input was wrong.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GenusError(Exception):
    """Base of all errors raised on purpose; the message says what happened and what to do."""

    exit_code = 1


class InputError(GenusError):
    """A request of the user that cannot be carried out as it stands."""

    exit_code = 2


class RecipeError(InputError):
    """A recipe, or an override of it, names an unknown key, component or impossible value."""


class DataError(InputError):
    """Data that cannot be read, or do not fit what they are used for."""


class CapabilityError(InputError):
    """A request for a capability that the model lacks (``log_prob`` of a GAN, say)."""


class ProtocolError(InputError):
    """Numbers measured under different protocols were to be compared."""


class CheckpointError(GenusError):
    """A checkpoint is missing, incomplete or damaged."""


class NonFiniteError(GenusError):
    """A loss term or a gradient became NaN or infinite; nothing was updated or saved."""


def nearest(name: str, options: Iterable[str]) -> str:
    """Return a hint such as ``"; did you mean 'hinge'?"``, or the list of options when none is near.

    >>> nearest("hinje", ["hinge", "minimax"])
    "; did you mean 'hinge'?"
    """
    known = sorted(options)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not known:
        return ""
    return "; known: " + ", ".join(known[:40]) + (" …" if len(known) > 40 else "")
