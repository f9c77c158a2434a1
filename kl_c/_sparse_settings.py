"""The keywords of ``compare_sparse``, checked, and what the compiled measures make of them."""

from numbers import Real
from typing import Any, NamedTuple

from kl_c import _kernels
from kl_c._sparse_rows import Given
from kl_c._sparse_statistics import TAILS, Completion
from kl_c._statistics import Settings, whole_number

__all__ = ["SparseSettings"]


class SparseSettings(NamedTuple):
    """The keywords of ``compare_sparse`` that act on every block."""

    tail: str
    bounds: bool
    vocabulary: int | None
    k: int | None
    floor: float
    form: str
    invalid: str
    base: float | None
    workers: int | None

    @property
    def of_kernels(self) -> Settings:
        """What the compiled measures are called with: rows are logarithms of any scale."""
        return Settings("logits", base=self.base, workers=self.workers, invalid="nan")

    @property
    def completion(self) -> Completion:
        """How rows are completed."""
        return Completion(self.tail, self.floor, self.of_kernels)

    def checked(self) -> "SparseSettings":
        """The same as plain numbers, once none is out of its range."""
        self.of_kernels.checked()
        if self.tail not in TAILS:
            raise ValueError(
                f"tail must be one of {', '.join(map(repr, TAILS))}, got {self.tail!r}"
            )
        if self.form not in _kernels.FORMS:
            known = ", ".join(map(repr, _kernels.FORMS))
            raise ValueError(f"form must be one of {known}, got {self.form!r}")
        if self.invalid not in ("raise", "nan"):
            raise ValueError(f"invalid must be 'raise' or 'nan', got {self.invalid!r}")
        numbers: dict[str, Any] = {}
        for name in ("vocabulary", "k"):
            value = getattr(self, name)
            numbers[name] = None if value is None else whole_number(name, value)
        if not isinstance(self.floor, Real) or isinstance(self.floor, bool):
            raise TypeError(f"floor must be a number, got {self.floor!r}")
        if not 0 <= self.floor < 1:
            raise ValueError(f"floor must lie between 0 and 1, got {self.floor}")
        numbers["floor"] = float(self.floor)
        return self._replace(**numbers)

    def vocabulary_of(self, sides: list[Given]) -> int | None:
        """How many outcomes there are, from the settings or from whole rows."""
        found = self.vocabulary
        for side in sides:
            if side.ids is None:
                width = side.values.shape[1]
                if found not in (None, width):
                    raise ValueError(
                        f"{side.name} must have as many outcomes as the vocabulary, {found}, got "
                        f"{width}"
                    )
                found = width
        if all(side.ids is None for side in sides):
            raise ValueError(
                "expected a pair (ids, log_probs) for p, q or both; compare takes whole rows"
            )
        if found is None:
            given_by = {"tail='uniform'": self.tail == "uniform", "floor": self.floor > 0}
            for name, asked in given_by.items():
                if asked:
                    raise ValueError(f"{name} needs vocabulary=, the number of outcomes")
        return found
