"""Who has which of the library's colours."""

from kl_c._pictures.colours import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY

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
