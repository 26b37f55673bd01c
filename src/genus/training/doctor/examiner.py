"""Examines a history again and again, and keeps what was found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from genus.training.doctor import illnesses_numbers as illnesses_numbers  # registers its illnesses
from genus.training.doctor import illnesses_players as illnesses_players
from genus.training.doctor import illnesses_samples as illnesses_samples
from genus.training.doctor.finding import Finding
from genus.training.doctor.history import RunHistory
from genus.training.doctor.registry import ILLNESSES, Where


@dataclass
class Examiner:
    """Record of the signs of each illness.

    Args:
        history: of the run; grows while it is examined.
        found: illnesses by name, as they were last seen.
        streaks: examinations in a row that saw the illness, by its name.
        withdrawn: findings that the last examination no longer saw.
    """

    history: RunHistory
    found: dict[str, Finding] = field(default_factory=dict[str, Finding])
    streaks: dict[str, int] = field(default_factory=dict[str, int])
    withdrawn: list[Finding] = field(default_factory=list[Finding])

    def examine(self, where: Where) -> list[Finding]:
        """Diagnose once.

        Args:
            where: what has just been added to the history; what shows elsewhere is left alone.

        Returns:
            Illnesses that were not there at the examination before.
        """
        new: list[Finding] = []
        self.withdrawn = []
        for illness in ILLNESSES:
            if illness.shows != where:
                continue
            seen = illness.diagnose(self.history)
            known = self.found.get(illness.name)
            if seen is None:
                self.streaks[illness.name] = 0
                if known is not None and known.present:
                    self.found[illness.name] = replace(known, present=False)
                    self.withdrawn.append(self.found[illness.name])
                continue
            self.streaks[illness.name] = streak = self.streaks.get(illness.name, 0) + 1
            if streak < illness.patience:
                continue
            now = self.history.iteration
            since = now if known is None else known.since
            self.found[illness.name] = replace(seen, since=since, until=now)
            if known is None or not known.present:
                new.append(self.found[illness.name])
        return new
