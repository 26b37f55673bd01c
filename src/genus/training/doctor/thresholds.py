"""Thresholds of the doctor. Rates of detection and false alarm are in ``docs/doctor.md``."""

from __future__ import annotations

WINDOW = 20
"""Logged lines that make a window: a median of 20 is steady although single batches are not, and 40
lines, the least that can be judged, are 400 iterations at the default ``train.log_every``."""

PATIENCE = 5
"""Examinations in a row, one per logged line, that must agree before an illness in losses is named."""

SETTLED = 0.25
"""Share of the run before which samples are not judged: every generator begins with bad ones."""

LEARNT = 200
"""Iterations before which samples of a model that an optimiser moves are not judged, however short the run:
until then they say that it was hardly trained, and nothing of how it learns."""

RIGHT = 0.99
"""A discriminator that is right about this share of real and of generated examples is rarely wrong
even once in a batch; healthy ones reach it for a while under hinge loss, so it does not suffice."""

WON = 0.05
"""… and its loss, with penalties and above the least possible, is this share of what it began with
(chance): margins or probabilities are
all but certain, and the generator's gradient no longer depends on what it does."""

FOOLED = 0.1
"""A discriminator that recognises this share of the generated examples or fewer, or of the real ones,
calls everything by one name."""

NO_BETTER = 0.97
"""… while its loss is still this share of the loss it began with, so it has learned nothing."""

VANISHED = 0.02
"""Gradient of the generator over the largest at the beginning. Healthy games stay above a tenth."""

LIVELY = 1.0
"""A gradient above this still moves its network, whatever the first ones were: that of a critic's
generator may begin a hundred times larger than it stays."""

EXPLODED = 10.0
"""Growth of the gradients of all networks since the first window. Healthy ones grow by up to 30 in a
generator whose last layer begins near 0, hence all networks; and the size below."""

LARGE = 20.0
"""A gradient below this is not worth a warning whatever it was before."""

SPIKE = 50.0
"""A gradient this much above the median of its window is a jump."""

SWING = 0.4
"""Standard deviation of the discriminator's loss over its loss when guessing. Healthy games with small
batches reach 0.3, networks that chase each other 0.6 and far more."""

SWING_OF_CRITIC = 1.0
"""The same for critics, over the mean size of their loss, which has no value for guessing."""

RUNAWAY = 300.0
"""A loss this much above everything in the first window that still rises is on its way to infinity."""

RISES = 3
"""Rises in a row that make a trend."""

ALIKE = 0.06
"""Distance of samples to the nearest other sample over that of real examples. Blurred or early
samples of healthy models are at 0.09 and above, repeated ones near 0."""

MISSES = 0.35
"""Share of the data that samples cover, of what real examples cover …"""

NEAR = 1.2
"""… where samples are this near to training examples, over held-out examples: good, but few kinds."""

CROWDED = 0.6
"""… or this much nearer to each other than real examples are: one shape per class."""

HUDDLED = 0.2
"""… or this much nearer, however bad they are, …"""

SPREAD = 0.75
"""… where their variance is this share of the data's: a few kinds of sample, and little between those
of a kind. Blurred samples of healthy models are as near to each other at 0.7 of it and below, and at
0.75 not nearer than a third."""

CLASSES = 0.6
"""Effective number of classes over that of real examples; sampling alone gives 0.9 and above."""

UNCOVERED = 0.05
"""Share of the data that samples cover, of what real examples cover, up to which they miss the data."""

COPIED = 0.3
"""Share of samples that repeat training examples; of new examples one in a hundred is taken for one."""

STILL = 0.5
"""Share of the elements that vary in the data and not in the samples …"""

BOUND = 0.1
"""… where this share more elements than in the data lie at the ends of the range."""

SATURATED = 0.25
"""Share of elements at the ends of the range, beyond that of the data, that is an illness by itself."""

FAR = 1.3
"""Distance of samples to the data over that of held-out examples, from which on samples are bad."""
