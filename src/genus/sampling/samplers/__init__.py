"""Samplers: from noise to examples with any model that estimates what a noisy example is made of.

All have one shape, ``(denoise, x, times, noise, *, options) → examples``: they go through the given times,
the largest first, from x at the first of them to the last, which is 0 where examples are wanted. They draw
from ``noise`` in the same order however many examples are sampled at once, call the model at times above 0
alone, and are compared at equal numbers of calls.
"""
