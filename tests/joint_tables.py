"""Joint tables for tests, and their measures in 50-digit arithmetic."""

import numpy as np

from oracle import NOISE, context, mpf


class ExactTable:
    """What each measure of one table of weights is, by its definition, in nats."""

    def __init__(self, table):
        weights = [[mpf(w) for w in row] for row in np.asarray(table, float).tolist()]
        total = context.fsum(w for row in weights for w in row)
        self.p = [[w / total for w in row] for row in weights]
        self.of_x = [context.fsum(row) for row in self.p]
        self.of_y = [context.fsum(column) for column in zip(*self.p, strict=True)]

    def cells(self):
        for row, x in zip(self.p, self.of_x, strict=True):
            for p, y in zip(row, self.of_y, strict=True):
                if p:
                    yield p, x, y

    def mutual_information(self):
        # 50 digits are left of 100 where the sum cancels to 1e-50.
        value = context.fsum(p * context.log(p / (x * y)) for p, x, y in self.cells())
        return value if value > NOISE else mpf(0)

    def joint_entropy(self):
        return -context.fsum(p * context.log(p) for p, _, _ in self.cells())

    def conditional_entropy(self, given="y"):
        if given == "y":
            return -context.fsum(p * context.log(p / y) for p, _, y in self.cells())
        return -context.fsum(p * context.log(p / x) for p, x, _ in self.cells())

    def variation_of_information(self):
        return self.conditional_entropy("x") + self.conditional_entropy("y")

    def marginal_entropies(self):
        return tuple(
            -context.fsum(p * context.log(p) for p in side if p) for side in (self.of_x, self.of_y)
        )


def near_independence(rng, shape, distance):
    """A product of marginals, every cell moved by the factor 1 ± distance."""
    x, y = (rng.dirichlet(np.ones(n)) for n in shape)
    return np.outer(x, y) * (1 + distance * rng.choice([-1, 1], shape))


def tables():
    """Tables by name: of any shape, with empty rows, near independence and near certainty."""
    rng = np.random.default_rng(5)
    found = {
        "one cell": np.array([[3.0]]),
        "one row": np.array([[1.0, 0.0, 2.0]]),
        "one column": np.array([[1.0], [5.0]]),
        "one cell of many": np.array([[0, 0], [0, 7]]),
        "diagonal": np.diag([1.0, 2.0, 4.0]),
        "independent": np.outer([1, 2, 3], [1, 1, 4]),
        "tiny beside certain": np.array([[1, 0], [0, 1e-40]]),
        "tiny weights": np.array([[1, 2, 0], [3, 1, 5]]) * 2.0**-1060,
        "huge weights": np.array([[1, 2, 0], [3, 1, 5]]) * 2.0**1015,
        "a peak": np.array([[1 - 3e-9, 1e-9], [1e-9, 1e-9]]),
        "empty row and column": np.array([[2, 0, 1], [0, 0, 0], [5, 0, 1]]),
    }
    for shape in ((2, 2), (7, 13), (140, 3), (3, 130)):
        cells = shape[0] * shape[1]
        for alpha in (0.01, 0.1, 1.0):
            name = f"Dirichlet({alpha}), {shape[0]} x {shape[1]}"
            found[name] = rng.dirichlet(np.full(cells, alpha)).reshape(shape)
        found[f"counts, {shape[0]} x {shape[1]}"] = rng.poisson(1.5, shape) + np.eye(
            *shape, dtype=int
        )
        for power in range(1, 13):
            name = f"independent but for 1e-{power}, {shape[0]} x {shape[1]}"
            found[name] = near_independence(rng, shape, 10.0**-power)
    return found


def labels_of(table, rng):
    """Two columns with these counts, shuffled."""
    x, y = (np.repeat(i.ravel(), np.ravel(table)) for i in np.indices(np.shape(table)))
    order = rng.permutation(len(x))
    return x[order], y[order]
