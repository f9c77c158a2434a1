from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Form: TypeAlias = Literal["probs", "counts", "log_probs", "logits"]
_PairForm: TypeAlias = _Form | tuple[_Form, _Form]
# Elementwise functions see one outcome at a time, and a logit means nothing without its row.
_TermForm: TypeAlias = Literal["probs", "counts", "log_probs"]
_PairTermForm: TypeAlias = _TermForm | tuple[_TermForm, _TermForm]
_Invalid: TypeAlias = Literal["raise", "nan", "ignore"]
_Scores: TypeAlias = NDArray[np.float64]
_Out = TypeVar("_Out", NDArray[np.float64], NDArray[np.float32])

__version__: str
MEASURES: dict[str, Literal["pair", "single", "elementwise", "labels"]]
STATISTICS: dict[str, Literal["nats", "likelihood", "probability", "flag", "outcome"]]
FORMS: tuple[_Form, ...]
INVALID: tuple[_Invalid, ...]
DTYPES: tuple[str, ...]
BACKENDS: tuple[str, ...]
LANES: dict[str, int]
BLOCK: int
ROW_RULES: tuple[str, ...]

class InvalidRowsError(ValueError):
    array: Literal["p", "q", "labels", "joint", "counts", "X", "Y"]
    row: int | tuple[int, ...]
    count: int
    reason: str
    def __init__(
        self,
        array: Literal["p", "q", "labels", "joint", "counts", "X", "Y"],
        row: int | tuple[int, ...],
        count: int,
        reason: str,
        word: str = "row",
    ) -> None: ...

# Each measure has three overloads. Lists of numbers are one row and give a float; `out` is what is
# returned; of anything else the number of dimensions is not known to a type checker.
@overload
def kl_divergence(
    p: Sequence[float],
    q: Sequence[float],
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def kl_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def kl_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def cross_entropy(
    p: Sequence[float],
    q: Sequence[float],
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def cross_entropy(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def cross_entropy(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def js_divergence(
    p: Sequence[float],
    q: Sequence[float],
    weight: float = 0.5,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def js_divergence(
    p: ArrayLike,
    q: ArrayLike,
    weight: float = 0.5,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def js_divergence(
    p: ArrayLike,
    q: ArrayLike,
    weight: float = 0.5,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def js_distance(
    p: Sequence[float],
    q: Sequence[float],
    weight: float = 0.5,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def js_distance(
    p: ArrayLike,
    q: ArrayLike,
    weight: float = 0.5,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def js_distance(
    p: ArrayLike,
    q: ArrayLike,
    weight: float = 0.5,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def jeffreys_divergence(
    p: Sequence[float],
    q: Sequence[float],
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def jeffreys_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def jeffreys_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def total_variation(
    p: Sequence[float],
    q: Sequence[float],
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def total_variation(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def total_variation(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def hellinger_distance(
    p: Sequence[float],
    q: Sequence[float],
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def hellinger_distance(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def hellinger_distance(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def bhattacharyya_distance(
    p: Sequence[float],
    q: Sequence[float],
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def bhattacharyya_distance(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def bhattacharyya_distance(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def chi2_divergence(
    p: Sequence[float],
    q: Sequence[float],
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def chi2_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def chi2_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def renyi_divergence(
    p: Sequence[float],
    q: Sequence[float],
    alpha: float,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def renyi_divergence(
    p: ArrayLike,
    q: ArrayLike,
    alpha: float,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def renyi_divergence(
    p: ArrayLike,
    q: ArrayLike,
    alpha: float,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def tsallis_divergence(
    p: Sequence[float],
    q: Sequence[float],
    alpha: float,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def tsallis_divergence(
    p: ArrayLike,
    q: ArrayLike,
    alpha: float,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def tsallis_divergence(
    p: ArrayLike,
    q: ArrayLike,
    alpha: float,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def alpha_divergence(
    p: Sequence[float],
    q: Sequence[float],
    alpha: float,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def alpha_divergence(
    p: ArrayLike,
    q: ArrayLike,
    alpha: float,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def alpha_divergence(
    p: ArrayLike,
    q: ArrayLike,
    alpha: float,
    *,
    form: _PairForm = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def perplexity(
    p: Sequence[float],
    *,
    form: _Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def perplexity(
    p: ArrayLike,
    *,
    form: _Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def perplexity(
    p: ArrayLike,
    *,
    form: _Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def renyi_entropy(
    p: Sequence[float],
    alpha: float,
    *,
    form: _Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def renyi_entropy(
    p: ArrayLike,
    alpha: float,
    *,
    form: _Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def renyi_entropy(
    p: ArrayLike,
    alpha: float,
    *,
    form: _Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def tsallis_entropy(
    p: Sequence[float],
    alpha: float,
    *,
    form: _Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def tsallis_entropy(
    p: ArrayLike,
    alpha: float,
    *,
    form: _Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def tsallis_entropy(
    p: ArrayLike,
    alpha: float,
    *,
    form: _Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def entropy(
    p: Sequence[float],
    *,
    form: _Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def entropy(
    p: ArrayLike,
    *,
    form: _Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def entropy(
    p: ArrayLike,
    *,
    form: _Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def nll(
    labels: int,
    q: Sequence[float],
    *,
    form: _Form = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    ignore_index: int | None = None,
    out: None = None,
    keepdims: Literal[False] = False,
    workers: int | None = None,
) -> float: ...
@overload
def nll(
    labels: ArrayLike,
    q: ArrayLike,
    *,
    form: _Form = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    ignore_index: int | None = None,
    out: _Out,
    keepdims: bool = False,
    workers: int | None = None,
) -> _Out: ...
@overload
def nll(
    labels: ArrayLike,
    q: ArrayLike,
    *,
    form: _Form = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: _Invalid = "raise",
    ignore_index: int | None = None,
    out: None = None,
    keepdims: bool = False,
    workers: int | None = None,
) -> float | _Scores: ...
@overload
def rel_entr(
    p: float,
    q: float,
    *,
    form: _PairTermForm = "probs",
    base: float | None = None,
    eps: float | None = None,
    invalid: _Invalid = "raise",
    out: None = None,
    workers: int | None = None,
) -> float: ...
@overload
def rel_entr(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairTermForm = "probs",
    base: float | None = None,
    eps: float | None = None,
    invalid: _Invalid = "raise",
    out: _Out,
    workers: int | None = None,
) -> _Out: ...
@overload
def rel_entr(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: _PairTermForm = "probs",
    base: float | None = None,
    eps: float | None = None,
    invalid: _Invalid = "raise",
    out: None = None,
    workers: int | None = None,
) -> float | NDArray[np.float64] | NDArray[np.float32]: ...
@overload
def check_rows(p: Sequence[float], *, form: _Form = "probs", axis: int = -1) -> int: ...
@overload
def check_rows(
    p: ArrayLike, *, form: _Form = "probs", axis: int = -1
) -> int | NDArray[np.uint8]: ...
def set_workers(workers: int | None) -> None: ...
def show_config() -> dict[str, Any]: ...
def vanished_pages() -> int: ...

class CodedRows:
    words: NDArray[np.uint16]
    shape: tuple[int, int]
    ndim: int
    dtype: np.dtype[np.float32]
    def __init__(self, words: NDArray[np.uint16], outcomes: int) -> None: ...
    def head(self) -> NDArray[np.float32]: ...
    def codes(self) -> NDArray[np.uint16]: ...
    def decode(self, out: NDArray[np.float32], workers: int | None) -> None: ...
    def above_floor(self, workers: int | None) -> NDArray[np.float64]: ...
    def reshape(self, *shape: int) -> CodedRows | NDArray[np.float32]: ...
    def copy(self) -> CodedRows: ...
    def __len__(self) -> int: ...
    def __getitem__(self, key: Any) -> Any: ...
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]: ...

def compare_rows(
    p: ArrayLike,
    q: ArrayLike,
    labels: ArrayLike | None,
    *,
    form: _PairForm,
    temperature: float,
    eps: float | None,
    invalid: str,
    base: float | None,
    workers: int | None,
    first: int | None = None,
    k: int | None = None,
    skip: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]: ...
