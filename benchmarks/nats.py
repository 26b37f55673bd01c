"""The suite ``likelihood`` on all of MNIST, binarised once: 60,000 images, 10,000 held back.

``python -m benchmarks.nats`` trains in ``bench/nats``; the same command again continues. MNIST's idx files
lie in the folder ``mnist`` of the data (``$GENUS_DATA``, else ``../shared/data`` beside the project).
Likelihoods are those of 1,000 test images, as the protocol says.
"""

from __future__ import annotations

import yaml

import genus
from benchmarks.harness import data_folder
from genus.bench.suite import SUITES


def main() -> None:
    """Run the suite on these images and print its leaderboard."""
    suite = yaml.safe_load((SUITES / "likelihood.yaml").read_text(encoding="utf-8"))
    suite["set"] = [*suite["set"], f"data.path={data_folder('mnist') / 'mnist'}"]
    for board in genus.benchmark(suite, out="bench/nats", processes=1):
        print(board.to_json())


if __name__ == "__main__":
    main()
