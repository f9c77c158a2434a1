"""Which form the first rows of a file fit.

Nothing in most files says whether it holds probabilities or logits, and a wrong guess gives
plausible numbers. So the form is never guessed: it is asked for, with the answer that the rows
suggest, and refused where the rows contradict it.
"""

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._errors import InputError
from kl_c._formats import RowFile

__all__ = ["refuse_probabilities_as_logits", "settle_form"]

FIRST_ROWS = 16


def settle_form(form: Any, base: RowFile, other: RowFile) -> Any:
    """The form of each side: as its file says, else as given, else an error with what fits.

    A file that says its form may be given another of the same kind by a pair, so that logits can
    have a temperature.
    """
    files = (base, other)
    said = [file.form for file in files]
    if form is None:
        silent = list(dict.fromkeys(file for file in files if file.form is None))
        if silent:
            _ask_for_form(silent)
        given = said
    elif isinstance(form, str):
        given = [own or form for own in said]
    elif len(form) == len(files):
        given = [*form]
        for file, own, asked in zip(files, said, given, strict=True):
            if own is not None and asked in ("probs", "counts"):
                raise InputError(f"{file.path}: expected form {own} of this format, found {asked}")
    else:
        return form  # the comparison refuses it
    return given[0] if given[0] == given[1] else tuple(given)


def _ask_for_form(files: list[RowFile]) -> NoReturn:
    fits = [_fitting_form(_first_rows(file)) for file in files]
    found = "; ".join(
        f"the first rows of {file.path} fit {fit or 'no form'}"
        for file, fit in zip(files, fits, strict=True)
    )
    if None in fits:
        raise InputError(f"--form is required: {found} (one of {', '.join(_kernels.FORMS)})")
    answer = ",".join(dict.fromkeys(str(fit) for fit in fits))
    raise InputError(f"--form is required: {found}; if so, add --form {answer}")


def refuse_probabilities_as_logits(file: RowFile, form: str) -> None:
    """Refuse rows called logits that are non-negative and sum to 1."""
    if file.form is None and form == "logits" and _fitting_form(_first_rows(file)) == "probs":
        raise InputError(
            f"{file.path}: expected logits, found first rows that are all non-negative and sum to "
            "1, as --form probs has them (--force-form takes them as logits)"
        )


def _first_rows(file: RowFile) -> NDArray[Any]:
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
