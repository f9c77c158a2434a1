"""Colours that stay apart for colour-blind eyes (Okabe and Ito, 2008), and who has which."""

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PINK, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#000000", "#888888"

DTYPES = {"float64": BLACK, "float32": BLUE, "float16": ORANGE, "bfloat16": SKY}
CONTESTANTS = {
    "np.dot": GREY,
    "kl_c": BLUE,
    "NumPy": ORANGE,
    "scipy.special": GREEN,
    "scipy.stats": PINK,
    "torch": RED,
    "numexpr": SKY,
    "numba": BLACK,
    "NumKong": "#8B7500",
}
# Lines are told apart by their marks too.
MARKS = dict(zip(CONTESTANTS, ("", "o", "s", "^", "v", "D", "<", "x", "+"), strict=True))
