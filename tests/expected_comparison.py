"""What a comparison must find, by the reference and by NumPy, statistic by statistic."""

import numpy as np

from kl_c import reference


def as_probs(x, form, temperature=1.0):
    x = x.astype(np.float64)
    if form in ("log_probs", "logits"):
        x = np.exp((x - x.max(-1, keepdims=True)) / (temperature if form == "logits" else 1))
    return x / x.sum(-1, keepdims=True)


def top_k(values, k):
    """The k largest outcomes of each row in their order, of equals the lowest index."""
    return np.argsort(-np.asarray(values, np.float64), axis=-1, kind="stable")[:, :k]


def expected_choices(p, q, forms, *, temperature=1.0, k=None):
    """name -> what the likeliest outcomes of both rows come to."""
    rows = np.arange(len(p))
    of_p, of_q = as_probs(p, forms[0], temperature), as_probs(q, forms[1], temperature)
    top_p, top_q = (top_k(x, 1)[:, 0] for x in (p, q))
    found = {
        "top_p": top_p,
        "top_q": top_q,
        "tied_p": (p == p.max(-1, keepdims=True)).sum(-1) > 1,
        "tied_q": (q == q.max(-1, keepdims=True)).sum(-1) > 1,
        "same_top": top_p == top_q,
        "p_of_top_p": of_p[rows, top_p],
        "p_of_top_q": of_p[rows, top_q],
        "q_of_top_p": of_q[rows, top_p],
    }
    if k is not None:
        lists = list(zip(top_k(p, k).tolist(), top_k(q, k).tolist(), strict=True))
        found["topk_overlap"] = np.array([len({*a} & {*b}) / k for a, b in lists])
        found["topk_ordered"] = np.array([a == b for a, b in lists])
        found["top_in_topk"] = np.array([a[0] in b for a, b in lists])
    return found


def expected_columns(p, q, labels, forms, **keywords):
    """name -> (values, bound, measure, forms of its operands)."""
    f, g = forms
    eps = {"eps": keywords.pop("eps", None)}
    temperature = keywords.pop("temperature", 1.0)
    change = abs(as_probs(p, f, temperature) - as_probs(q, g, temperature))

    def call(measure, *operands, form, **more):
        if "logits" in form:
            more["temperature"] = temperature
        form_given = form if len(form) == 2 else form[0]
        value, bound = getattr(reference, measure)(
            *operands, form=form_given, bound=True, **keywords, **more
        )
        return value, bound, measure, form

    return {
        "kl": call("kl_divergence", p, q, form=(f, g), **eps),
        "reverse_kl": call("kl_divergence", q, p, form=(g, f), **eps),
        "js": call("js_divergence", p, q, form=(f, g)),
        "cross_entropy": call("cross_entropy", p, q, form=(f, g), **eps),
        "entropy_p": call("entropy", p, form=(f,)),
        "entropy_q": call("entropy", q, form=(g,)),
        "nll_p": call("nll", labels, p, form=(f,), **eps),
        "nll_q": call("nll", labels, q, form=(g,), **eps),
        "total_variation": (change.sum(-1) / 2, 0, "total_variation", forms),
        "largest_change": (change.max(-1), 0, "largest_change", forms),
    }
