"""``genus doctor``: what is wrong with a run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from genus.core.command import RunFolder, command

if TYPE_CHECKING:
    from genus.training.doctor.checkup import Checkup


def _print_checkup(call: partial[Checkup], *, json: bool = False) -> None:
    """Examine a run and say what was found.

    Args:
        json: print JSON instead of sentences.
    """
    checkup = call()
    if json:
        from json import dumps

        print(dumps(checkup.to_json(), indent=1))
        return
    from genus.cli.console import make_console
    from genus.cli.diagnosis import checkup_lines

    for line in checkup_lines(checkup, call.keywords["run"]):
        make_console().print(line)


@command("doctor", show=_print_checkup)
def doctor(run: RunFolder, *, samples: bool = True) -> Checkup:
    """Say what is wrong with a run, on what evidence, and which change of recipe helps.

    Its log is examined line by line, as it was beside the training. Samples are judged by the looks
    that were taken then; where the last checkpoint is newer than these, some are drawn from it.

    Args:
        run: folder of the run; it may be running, finished or crashed. In Python the run itself, too.
        samples: draw some from the last checkpoint when none of its iteration or later were looked at.

    Returns:
        The illnesses seen, each with its advice, and what could not be judged.

    Raises:
        InputError: when there is no such run.
    """
    from genus.assembly import health_hook, open_data
    from genus.core.capabilities import Samples
    from genus.saved_runs import load
    from genus.training.doctor.checkup import check_up
    from genus.training.doctor.doctor import LADDER
    from genus.training.doctor.record import read_record
    from genus.training.run import Run

    opened = Run(run)
    saved = max((int(path.name) for path in opened.checkpoints.glob("[0-9]*")), default=-1)
    looked = max(
        (line["iteration"] for line in read_record(opened.doctor_path) if "look" in line), default=-1
    )
    if not samples or saved < 0 or looked >= saved:
        return check_up(opened)
    model = load(opened, checkpoint="latest")
    if not isinstance(model, Samples):
        return check_up(opened)
    return check_up(opened, health_hook(open_data(opened.recipe))(model, LADDER[-1]))
