"""Calls that a type checker must reject: each line marked `# rejected`, and no other."""

import numpy as np

import kl_c

rows = np.full((2, 3), 1 / 3)

kl_c.kl_divergence(rows)  # rejected
kl_c.kl_divergence(rows, rows, "probs")  # rejected
kl_c.kl_divergence(rows, rows, form="percent")  # rejected
kl_c.kl_divergence(rows, rows, form=("probs", "probs", "probs"))  # rejected
kl_c.cross_entropy(rows, rows, axis=0.5)  # rejected
kl_c.cross_entropy(rows, rows, base="2")  # rejected
kl_c.cross_entropy(rows, rows, invalid="skip")  # rejected
kl_c.kl_divergence(rows, rows, out=np.empty(2, np.int64))  # rejected
kl_c.kl_divergence(rows, rows, keepdims="yes")  # rejected
kl_c.kl_divergence(rows, rows, temperature=None)  # rejected
kl_c.entropy(rows, eps=1e-9)  # rejected
kl_c.entropy(rows, form=("probs", "probs"))  # rejected
kl_c.js_divergence(rows, rows, eps=1e-9)  # rejected
kl_c.rel_entr(rows, rows, axis=0)  # rejected
kl_c.rel_entr(rows, rows, form="logits")  # rejected
kl_c.nll(0, rows, ignore_index="pad")  # rejected
kl_c.check_rows(rows, form=("probs", "probs"))  # rejected
kl_c.mutual_information(rows, rows)  # rejected
kl_c.mutual_information(rows, estimator="jackknife")  # rejected
kl_c.normalized_mutual_information(rows, average="mean")  # rejected
kl_c.joint_entropy(rows, form="logits")  # rejected
kl_c.set_workers("all")  # rejected
score: str = kl_c.entropy([0.5, 0.5])  # rejected
