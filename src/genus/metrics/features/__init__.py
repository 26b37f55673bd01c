"""Feature maps: what distances between distributions are measured in.

A feature component is built with the :class:`~genus.core.spec.DataSpec` of the data, has a
``name``, a ``size`` and a ``fingerprint``, and maps examples in data units to ``(n, size)``
float32. One that can also recognise classes is a :class:`ClassifyingFeatures`.
"""

from __future__ import annotations

from genus.metrics.features.base import ClassifyingFeatures as ClassifyingFeatures
from genus.metrics.features.base import FeatureMap as FeatureMap
from genus.metrics.features.choose import check_features as check_features
from genus.metrics.features.choose import default_features as default_features
from genus.metrics.features.choose import make_features as make_features
from genus.metrics.features.digits import DIGIT_WEIGHTS as DIGIT_WEIGHTS
from genus.metrics.features.digits import DIGITS as DIGITS
from genus.metrics.features.digits import DigitFeatures as DigitFeatures
from genus.metrics.features.digits import DigitNet as DigitNet
from genus.metrics.features.digits import StackedDigitFeatures as StackedDigitFeatures
from genus.metrics.features.digits import digit_net as digit_net
from genus.metrics.features.digits import digit_net_record as digit_net_record
from genus.metrics.features.plain import Identity as Identity
from genus.metrics.features.plain import Pixels as Pixels
