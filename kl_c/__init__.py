"""Exact divergences between discrete distributions, at the speed of reading them.

The measures are compiled functions; all that is built on them, as ``compare``, loads on first use,
so that the import costs next to nothing. ``kl_c.reference`` says in plain NumPy what each measure
is.
"""

from typing import TYPE_CHECKING, Any

from ._kernels import (
    ROW_RULES,
    InvalidRowsError,
    __version__,
    alpha_divergence,
    bhattacharyya_distance,
    check_rows,
    chi2_divergence,
    cross_entropy,
    entropy,
    hellinger_distance,
    jeffreys_divergence,
    js_distance,
    js_divergence,
    kl_divergence,
    nll,
    perplexity,
    rel_entr,
    renyi_divergence,
    renyi_entropy,
    set_workers,
    show_config,
    total_variation,
    tsallis_divergence,
    tsallis_entropy,
)

__all__ = [
    "ROW_RULES",
    "Comparison",
    "InvalidRowsError",
    "SparseComparison",
    "__version__",
    "alpha_divergence",
    "bhattacharyya_distance",
    "check_rows",
    "chi2_divergence",
    "compare",
    "compare_sparse",
    "conditional_entropy",
    "contingency_table",
    "cross_entropy",
    "entropy",
    "entropy_estimate",
    "hellinger_distance",
    "jeffreys_divergence",
    "joint_entropy",
    "js_distance",
    "js_divergence",
    "kl_divergence",
    "mutual_information",
    "nearest",
    "nll",
    "normalized_mutual_information",
    "pairwise",
    "perplexity",
    "plots",
    "pointwise_mutual_information",
    "reference",
    "rel_entr",
    "renyi_divergence",
    "renyi_entropy",
    "score_csr",
    "set_workers",
    "show_config",
    "total_variation",
    "tsallis_divergence",
    "tsallis_entropy",
    "variation_of_information",
]

if TYPE_CHECKING:
    from . import plots, reference
    from ._contingency import contingency_table
    from .all_pairs import nearest, pairwise
    from .comparison import Comparison, compare
    from .entropy_estimators import entropy_estimate
    from .information import (
        mutual_information,
        normalized_mutual_information,
        pointwise_mutual_information,
    )
    from .joint_entropies import conditional_entropy, joint_entropy, variation_of_information
    from .sparse import SparseComparison, compare_sparse
    from .sparse_rows import score_csr

_LAZY = {
    "compare": "comparison",
    "Comparison": "comparison",
    "compare_sparse": "sparse",
    "SparseComparison": "sparse",
    "entropy_estimate": "entropy_estimators",
    "conditional_entropy": "joint_entropies",
    "contingency_table": "_contingency",
    "joint_entropy": "joint_entropies",
    "mutual_information": "information",
    "normalized_mutual_information": "information",
    "pointwise_mutual_information": "information",
    "variation_of_information": "joint_entropies",
    "nearest": "all_pairs",
    "pairwise": "all_pairs",
    "plots": "plots",
    "reference": "reference",
    "score_csr": "sparse_rows",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f".{_LAZY[name]}", __name__)
    value = module if name == _LAZY[name] else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
