#!/bin/sh
# Autocast adds the gradients of a weight's uses in bfloat16.
#
# One would guess that mixed precision keeps gradients of float32 weights in float32, so that a weight
# used 1000 times in one loss has the sum of 1000 gradients.
# Autocast casts the weight once and keeps the cast. All uses then share one bfloat16 tensor, whose gradient
# is a bfloat16 sum: of ones it stops at 256, without a warning. With the cache off it is exact.
# It matters for generative models because recurrent networks, unrolled updates, samplers differentiated
# through their steps and shared weights use a weight hundreds of times in one loss.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "numpy"
"$folder/venv/bin/python" - <<'PYTHON'
import torch


def gradient(uses: int, cached: bool, enabled: bool = True) -> float:
    layer = torch.nn.Linear(1, 1, bias=False)
    with torch.autocast("cpu", torch.bfloat16, enabled=enabled, cache_enabled=cached):
        total = sum(layer(torch.ones(1, 1)).float().sum() for _ in range(uses))
    (found,) = torch.autograd.grad(total, layer.weight)
    return float(found)


print("torch", torch.__version__)
for uses in (200, 300, 1000):
    cached, fresh = gradient(uses, True), gradient(uses, False)
    plain = gradient(uses, False, enabled=False)
    print(f"{uses} uses: float32 {plain:g}, bf16 with the cache {cached:g}, without {fresh:g}")
    assert plain == uses
    assert fresh == uses
    assert cached == min(uses, 256)
PYTHON
