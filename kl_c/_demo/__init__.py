"""``kl-c demo``: a language model, three quantised copies of it, and how far each one strays.

`corpus` reads the text, `model` learns from it, `quantisation` rounds the stored weights, `picture`
draws the scores, `checks` says what must hold, and `command` runs these in order.
"""

from kl_c._demo.command import add_arguments, run

__all__ = ["add_arguments", "run"]
