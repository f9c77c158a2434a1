"""A small neural language model: log-bilinear, its logits computed from four stored arrays.

The next word after the context w_1 ... w_K is predicted by

    h = sum_k position_weights[k] * embeddings[w_k]         (a vector of WIDTH numbers)
    logits = outputs @ h + biases                           (one for each word of the vocabulary)

Source: A. Mnih and G. Hinton, "Three new graphical models for statistical language modelling",
ICML 2007; with the diagonal position weights of A. Mnih and Y. W. Teh, "A fast and simple algorithm
for training neural probabilistic language models", ICML 2012.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ORDER", "LogBilinear", "log_unigram", "train"]

Floats = NDArray[np.float32]
Tokens = NDArray[np.int32]

ORDER = 4  # words of context
WIDTH = 64
BATCH = 2048
RATE = 0.3  # of the matrices, falling linearly to 0; a third of it for the two small arrays
FIRST_SQUARES = 1e-6  # Adagrad's sums begin above 0, so that the first step divides by no zero


class LogBilinear(NamedTuple):
    """The stored weights, all float32."""

    embeddings: Floats  # (words, WIDTH)
    position_weights: Floats  # (ORDER, WIDTH), the nearest word last
    outputs: Floats  # (words, WIDTH)
    biases: Floats  # (words,)

    def logits(self, contexts: Tokens) -> Floats:
        """Unnormalised log-probabilities of the next word, (contexts, words), float32."""
        logits: Floats = (self.embeddings[contexts] * self.position_weights).sum(1) @ self.outputs.T
        logits += self.biases
        return logits


def log_unigram(counts: NDArray[np.int64]) -> Floats:
    """Log-probability of each word by its share of the training text; every count is positive."""
    log_share: Floats = np.log(counts / counts.sum()).astype(np.float32)
    return log_share


def train(training: Tokens, counts: NDArray[np.int64], seed: int, steps: int) -> LogBilinear:
    """Fit the model to the training text by stochastic gradient steps (Adagrad).

    It starts as the unigram model. The softmax of a step runs over the words that are labels in its
    batch. They are a sample of the unigram distribution, so each logit is corrected by what its
    word's share of the sample differs from its probability: log(share) - log(probability).

    Source: Y. Bengio and J.-S. Senécal, "Adaptive importance sampling to accelerate training of a
    neural probabilistic language model", IEEE Trans. Neural Networks 19 (2008).
    """
    rng = np.random.default_rng(seed)
    words = len(counts)
    log_probability = log_unigram(counts)
    model = LogBilinear(
        embeddings=rng.normal(0, 0.1, (words, WIDTH)).astype(np.float32),
        position_weights=np.ones((ORDER, WIDTH), np.float32),
        outputs=np.zeros((words, WIDTH), np.float32),
        biases=log_probability.copy(),
    )
    squares = LogBilinear(*(np.full_like(weights, FIRST_SQUARES) for weights in model))

    for step in range(steps):
        at = rng.integers(ORDER, len(training), BATCH)
        contexts = training[at[:, None] + np.arange(-ORDER, 0)]
        labels, label, times = np.unique(training[at], return_inverse=True, return_counts=True)

        embedded = model.embeddings[contexts]
        h = (embedded * model.position_weights).sum(1)
        logits = h @ model.outputs[labels].T
        logits += model.biases[labels]
        logits += np.log(times / BATCH).astype(np.float32) - log_probability[labels]
        # The gradient of -log softmax at the label: the probabilities, less 1 at the label.
        slope = _softmax(logits)
        slope[np.arange(BATCH), label] -= 1
        slope_h = slope @ model.outputs[labels]

        seen, slope_seen = _sum_by_word(contexts, slope_h[:, None] * model.position_weights)
        everywhere = np.arange(ORDER)
        rate = RATE * (1 - step / steps)
        _descend(model.outputs, squares.outputs, labels, slope.T @ h, rate)
        _descend(model.embeddings, squares.embeddings, seen, slope_seen, rate)
        _descend(model.biases, squares.biases, labels, slope.sum(0), rate / 3)
        _descend(
            model.position_weights,
            squares.position_weights,
            everywhere,
            (slope_h[:, None] * embedded).sum(0),
            rate / 3,
        )
    return model


def _softmax(logits: Floats) -> Floats:
    """Probabilities of each row, in place of the logits."""
    logits -= logits.max(1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(1, keepdims=True)
    return logits


def _sum_by_word(contexts: Tokens, slopes: Floats) -> tuple[Tokens, Floats]:
    """The different words of the contexts, and the sum of the slopes of each."""
    tokens = contexts.ravel()
    order = np.argsort(tokens, kind="stable")
    seen, first = np.unique(tokens[order], return_index=True)
    return seen, np.add.reduceat(slopes.reshape(len(tokens), -1)[order], first)


def _descend(
    weights: Floats, squares: Floats, rows: NDArray[np.integer], slope: Floats, rate: float
) -> None:
    """One step of Adagrad on some rows of an array: each weight slows down by its past slopes."""
    squares[rows] += slope * slope
    weights[rows] -= rate * slope / np.sqrt(squares[rows])
