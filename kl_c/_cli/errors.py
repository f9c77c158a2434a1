"""The one error that the program reports as such, rather than as a traceback."""

from kl_c._formats.errors import InputError

__all__ = ["InputError"]
