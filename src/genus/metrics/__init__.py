"""Metrics: one file each, a pure function of arrays and a registered scorer.

The functions are public here, ``from genus.metrics import frechet_distance``; each is imported
when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genus.metrics.accuracy import class_accuracy as class_accuracy
    from genus.metrics.accuracy import classes_drawn as classes_drawn
    from genus.metrics.attribute_agreement import agreement as agreement
    from genus.metrics.cluster_accuracy import matched_accuracy as matched_accuracy
    from genus.metrics.energy import energy_distance as energy_distance
    from genus.metrics.energy import energy_distance_blocks as energy_distance_blocks
    from genus.metrics.extrapolation import frechet_limit as frechet_limit
    from genus.metrics.extrapolation import frechet_limit_interval as frechet_limit_interval
    from genus.metrics.frechet import frechet_distance as frechet_distance
    from genus.metrics.frechet import frechet_from_moments as frechet_from_moments
    from genus.metrics.frechet import frechet_interval as frechet_interval
    from genus.metrics.frechet_classes import frechet_classes_interval as frechet_classes_interval
    from genus.metrics.frechet_classes import frechet_per_class as frechet_per_class
    from genus.metrics.gaussian_kernel import median_bandwidth as median_bandwidth
    from genus.metrics.gaussian_kernel import rbf_distance as rbf_distance
    from genus.metrics.gaussian_kernel import rbf_distance_blocks as rbf_distance_blocks
    from genus.metrics.image_similarity import ms_ssim as ms_ssim
    from genus.metrics.image_similarity import psnr as psnr
    from genus.metrics.image_similarity import ssim as ssim
    from genus.metrics.inception import inception_ceiling as inception_ceiling
    from genus.metrics.inception import inception_interval as inception_interval
    from genus.metrics.inception import inception_score as inception_score
    from genus.metrics.kernel import kernel_distance as kernel_distance
    from genus.metrics.kernel import kernel_distance_blocks as kernel_distance_blocks
    from genus.metrics.max_sliced import max_sliced_interval as max_sliced_interval
    from genus.metrics.max_sliced import max_sliced_wasserstein as max_sliced_wasserstein
    from genus.metrics.memorisation import Authenticity as Authenticity
    from genus.metrics.memorisation import Copies as Copies
    from genus.metrics.memorisation import DataCopying as DataCopying
    from genus.metrics.memorisation import authenticity as authenticity
    from genus.metrics.memorisation import data_copying as data_copying
    from genus.metrics.memorisation import find_copies as find_copies
    from genus.metrics.modes import count_modes as count_modes
    from genus.metrics.moments import Moments as Moments
    from genus.metrics.nearest import nearest_neighbours as nearest_neighbours
    from genus.metrics.neighbours import Neighbourhoods as Neighbourhoods
    from genus.metrics.neighbours import expected_coverage as expected_coverage
    from genus.metrics.neighbours import neighbourhood_intervals as neighbourhood_intervals
    from genus.metrics.neighbours import neighbourhoods as neighbourhoods
    from genus.metrics.overlap import dice as dice
    from genus.metrics.overlap import hausdorff as hausdorff
    from genus.metrics.overlap import jaccard as jaccard
    from genus.metrics.overlap import mask_energy_distance as mask_energy_distance
    from genus.metrics.overlap import per_class as per_class
    from genus.metrics.parzen import parzen_bandwidth as parzen_bandwidth
    from genus.metrics.parzen import parzen_log_likelihood as parzen_log_likelihood
    from genus.metrics.path_length import path_lengths as path_lengths
    from genus.metrics.path_length import slerp as slerp
    from genus.metrics.projected import projected_wasserstein as projected_wasserstein
    from genus.metrics.single_image import patch_frechet as patch_frechet
    from genus.metrics.single_image import pixel_diversity as pixel_diversity
    from genus.metrics.sinkhorn import entropic_transport as entropic_transport
    from genus.metrics.sinkhorn import sinkhorn_divergence as sinkhorn_divergence
    from genus.metrics.sliced import sliced_interval as sliced_interval
    from genus.metrics.sliced import sliced_wasserstein as sliced_wasserstein
    from genus.metrics.transport import wasserstein_distance as wasserstein_distance
    from genus.metrics.two_sample import TwoSampleTest as TwoSampleTest
    from genus.metrics.two_sample import logistic_two_sample as logistic_two_sample
    from genus.metrics.two_sample import nearest_two_sample as nearest_two_sample
    from genus.metrics.vendi import vendi_from_kernel as vendi_from_kernel
    from genus.metrics.vendi import vendi_interval as vendi_interval
    from genus.metrics.vendi import vendi_score as vendi_score

_WHERE = {
    "accuracy": ("class_accuracy", "classes_drawn"),
    "attribute_agreement": ("agreement",),
    "cluster_accuracy": ("matched_accuracy",),
    "energy": ("energy_distance", "energy_distance_blocks"),
    "extrapolation": ("frechet_limit", "frechet_limit_interval"),
    "frechet": ("frechet_distance", "frechet_from_moments", "frechet_interval"),
    "frechet_classes": ("frechet_classes_interval", "frechet_per_class"),
    "gaussian_kernel": ("median_bandwidth", "rbf_distance", "rbf_distance_blocks"),
    "image_similarity": ("ms_ssim", "psnr", "ssim"),
    "inception": ("inception_ceiling", "inception_interval", "inception_score"),
    "kernel": ("kernel_distance", "kernel_distance_blocks"),
    "max_sliced": ("max_sliced_interval", "max_sliced_wasserstein"),
    "memorisation": ("Authenticity", "Copies", "DataCopying", "authenticity", "data_copying", "find_copies"),
    "modes": ("count_modes",),
    "moments": ("Moments",),
    "nearest": ("nearest_neighbours",),
    "neighbours": ("Neighbourhoods", "expected_coverage", "neighbourhood_intervals", "neighbourhoods"),
    "overlap": ("dice", "hausdorff", "jaccard", "mask_energy_distance", "per_class"),
    "parzen": ("parzen_bandwidth", "parzen_log_likelihood"),
    "path_length": ("path_lengths", "slerp"),
    "projected": ("projected_wasserstein",),
    "single_image": ("patch_frechet", "pixel_diversity"),
    "sinkhorn": ("entropic_transport", "sinkhorn_divergence"),
    "sliced": ("sliced_interval", "sliced_wasserstein"),
    "transport": ("wasserstein_distance",),
    "two_sample": ("TwoSampleTest", "logistic_two_sample", "nearest_two_sample"),
    "vendi": ("vendi_from_kernel", "vendi_interval", "vendi_score"),
}
_MODULE = {name: module for module, names in _WHERE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_MODULE)
