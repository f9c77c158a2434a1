"""The one error that the program reports as such, rather than as a traceback."""

__all__ = ["InputError"]


class InputError(Exception):
    """Wrong usage or wrong input: its text is one line that says what was expected and found."""
