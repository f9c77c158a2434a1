"""The one error of wrong usage and wrong input."""

__all__ = ["InputError"]


class InputError(Exception):
    """Wrong usage or wrong input: its text is one line that says what was expected and found."""
