"""Which form the first rows of a file fit.

Nothing in a .npy file says whether it holds probabilities or logits, and a wrong guess gives
plausible numbers. So the form is never guessed: it is asked for, with the answer that the rows
suggest, and refused where the rows contradict it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._cli.errors import InputError
from kl_c._cli.npy import NpyFile

__all__ = ["refuse_probabilities_as_logits", "require_form"]

FIRST_ROWS = 16


def require_form(form: str | tuple[str, str] | None, base: NpyFile, other: NpyFile) -> Any:
    """The form as given; when it was not given, an error that names the one that fits."""
    if form is not None:
        return form
    fits = [_fitting_form(_first_rows(file)) for file in (base, other)]
    found = "; ".join(
        f"the first rows of {file.path} fit {fit or 'no form'}"
        for file, fit in zip((base, other), fits, strict=True)
    )
    if None in fits:
        raise InputError(f"--form is required: {found} (one of {', '.join(_kernels.FORMS)})")
    answer = ",".join(dict.fromkeys(str(fit) for fit in fits))
    raise InputError(f"--form is required: {found}; if so, add --form {answer}")


def refuse_probabilities_as_logits(file: NpyFile, form: str) -> None:
    """Refuse rows called logits that are non-negative and sum to 1."""
    if form == "logits" and _fitting_form(_first_rows(file)) == "probs":
        raise InputError(
            f"{file.path}: expected logits, found first rows that are all non-negative and sum to "
            "1, as --form probs has them (--force-form takes them as logits)"
        )


def _first_rows(file: NpyFile) -> NDArray[Any]:
    return file.read(0, min(FIRST_ROWS, file.rows))


def _fitting_form(rows: NDArray[Any]) -> str | None:
    """The first form, of those the library knows, in which every row is valid.

    They are listed from the narrowest: probabilities are counts too, and nearly all finite numbers
    are logits.
    """
    if not len(rows):
        return None
    fitting = (form for form in _kernels.FORMS if not np.any(_kernels.check_rows(rows, form=form)))
    return next(fitting, None)
