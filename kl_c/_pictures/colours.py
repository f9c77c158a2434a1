"""Colours that stay apart for colour-blind eyes.

Source: M. Okabe and K. Ito, "Color Universal Design" (2008).
"""

__all__ = ["BLACK", "BLUE", "FAINT", "GREEN", "GREY", "GRID", "INK", "ORANGE", "PINK", "RED", "SKY"]

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PINK, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#000000", "#888888"

# Of what is no data: words, lines below them.
INK, FAINT, GRID = "#222222", "#666666", "#E4E4E4"
