"""Derive the polynomial coefficients of the kernels and print them as C hex floats.

They stand in vecmath.inc.h and compare_terms.inc.h. Run ``python src/coefficients.py`` (needs
mpmath). Each polynomial is the interpolant at Chebyshev nodes, which is within a few per cent of
the minimax one; its coefficients are then rounded to the type that uses them. The printed bound is
the largest relative error of the rounded polynomial, in exact arithmetic, over its interval: the
number that stands above the coefficients.
"""

import struct

import mpmath as mp

mp.mp.dps = 60


def atanh_rest(z):
    """(2 atanh(s) - 2 s) / s**3 as a function of z = s**2."""
    if z == 0:
        return mp.mpf(2) / 3
    if z < mp.mpf("1e-8"):
        return mp.mpf(2) / 3 + 2 * z / 5 + 2 * z**2 / 7 + 2 * z**3 / 9
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s**3


def exp_rest(r):
    """(exp(r) - 1 - r) / r**2."""
    if abs(r) < mp.mpf("1e-10"):
        return mp.mpf(1) / 2 + r / 6 + r**2 / 24
    return (mp.expm1(r) - r) / r**2


def power(r):
    """2**r."""
    return mp.mpf(2) ** r


def power_rest(r):
    """(2**r - 1 - r log 2) / r**2."""
    x = r * mp.log(2)
    return mp.log(2) ** 2 * exp_rest(x)


def mixture(v):
    """1 - (v + (2 - v) log(1 - v/2)) / v**2."""
    if v < mp.mpf("1e-10"):
        return mp.mpf(3) / 4 - v / 24
    return 1 - (v + (2 - v) * mp.log1p(-v / 2)) / v**2


def even_mixture(z):
    """((1 + t) log(1 + t) + (1 - t) log(1 - t)) / (4 t**2) as a function of z = t**2."""
    if z < mp.mpf("1e-8"):
        return (1 + z / 6 + z**2 / 15) / 4
    t = mp.sqrt(z)
    return ((1 + t) * mp.log1p(t) + (1 - t) * mp.log1p(-t)) / (4 * z)


def odd_mixture(z):
    """((1 + t) log(1 + t) - (1 - t) log(1 - t) - 2 t) / (4 t**3) as a function of z = t**2."""
    if z < mp.mpf("1e-8"):
        return -(mp.mpf(1) / 3 + z / 10 + z**2 / 21) / 4
    t = mp.sqrt(z)
    return ((1 + t) * mp.log1p(t) - (1 - t) * mp.log1p(-t) - 2 * t) / (4 * t * z)


def greater_mixture(u):
    """((2 - u) log(2 - u) - (1 - u)) / 2."""
    return ((2 - u) * mp.log(2 - u) - (1 - u)) / 2


def interpolate(function, low, high, terms):
    """Coefficients, lowest first, of the interpolant at `terms` Chebyshev nodes of [low, high]."""
    low, high = mp.mpf(low), mp.mpf(high)
    nodes = [
        (low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * terms))
        for i in range(terms)
    ]
    matrix = mp.matrix(terms, terms)
    for row, node in enumerate(nodes):
        for power in range(terms):
            matrix[row, power] = node**power
    return list(mp.lu_solve(matrix, mp.matrix([function(node) for node in nodes])))


def rounded(value, single):
    if single:
        return struct.unpack("f", struct.pack("f", float(value)))[0]
    return float(value)


def worst(function, coefficients, low, high, points=2001):
    """Largest relative error of the polynomial over a fine grid of [low, high]."""
    largest = mp.mpf(0)
    for i in range(points):
        x = mp.mpf(low) + (mp.mpf(high) - mp.mpf(low)) * i / (points - 1)
        value = mp.mpf(0)
        for coefficient in reversed(coefficients):
            value = value * x + mp.mpf(coefficient)
        exact = function(x)
        largest = max(largest, abs(value / exact - 1))
    return largest


POLYNOMIALS = (
    # name, function, interval, terms, single precision
    ("ATANH_F64", atanh_rest, (0, "0.0401"), 8, False),
    ("ATANH_F32", atanh_rest, (0, "0.0401"), 3, True),
    ("EXP_REST_F64", exp_rest, ("-0.3466", "0.3466"), 10, False),
    ("EXP_REST_F32", exp_rest, ("-0.3466", "0.3466"), 6, True),
    ("EXP_F64", mp.exp, ("-0.3466", "0.3466"), 11, False),
    ("EXP_F32", mp.exp, ("-0.3466", "0.3466"), 6, True),
    ("EVEN_MIXTURE_F64", even_mixture, (0, "0.25"), 12, False),
    ("EVEN_MIXTURE_F32", even_mixture, (0, "0.5625"), 7, True),
    ("ODD_MIXTURE_F64", odd_mixture, (0, "0.25"), 6, False),
    ("ODD_MIXTURE_F32", odd_mixture, (0, "0.5625"), 4, True),
    ("GREATER_MIXTURE_F64", greater_mixture, (0, "0.5"), 13, False),
    ("GREATER_MIXTURE_F32", greater_mixture, (0, "0.25"), 5, True),
    ("POWER_F64", power, ("-0.5", "0.5"), 12, False),
    ("POWER_F32", power, ("-0.5", "0.5"), 6, True),
    ("POWER_REST_F64", power_rest, ("-0.5", "0.5"), 10, False),
    ("POWER_REST_F32", power_rest, ("-0.5", "0.5"), 5, True),
    ("MIXTURE_F64", mixture, (0, 1), 17, False),
    ("MIXTURE_F32", mixture, (0, 1), 7, True),
)


def derive(name):
    """The rounded coefficients and the bound of one polynomial of the list."""
    for entry, function, (low, high), terms, single in POLYNOMIALS:
        if entry == name:
            exact = interpolate(function, low, high, terms)
            coefficients = [rounded(value, single) for value in exact]
            return coefficients, float(worst(function, coefficients, low, high))
    raise KeyError(name)


if __name__ == "__main__":
    for name, *_ in POLYNOMIALS:
        coefficients, bound = derive(name)
        print(f"{name}: relative error below {bound:.2e}")
        for power, coefficient in enumerate(coefficients):
            print(f"    {coefficient.hex()} /* power {power}: {coefficient!r} */")
