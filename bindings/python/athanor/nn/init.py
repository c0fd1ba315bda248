"""Initial values: each function fills a tensor with numbers that are a pure function of (seed, name).

They are the functions of the C++ library, so a parameter of one name has the same values in both. Without a seed the
next draw of manual_seed or random_scope is taken.
"""
from .. import _athanor as _c
from .._random import next_key


def _key(seed, name):
    if seed is not None:
        return seed, name
    seed, stream = next_key("init")
    return seed % (1 << 64), f"draw {stream}"


def uniform_(x, low=0.0, high=1.0, seed=None, name=""):
    """U(low, high)."""
    _c._init_uniform(x, *_key(seed, name), low, high)
    return x


def normal_(x, mean=0.0, std=1.0, seed=None, name=""):
    """N(mean, std^2)."""
    _c._init_normal(x, *_key(seed, name), mean, std)
    return x


def truncated_normal_(x, mean=0.0, std=1.0, bound=2.0, seed=None, name=""):
    """N(mean, std^2), drawn again until within `bound` deviations of the mean."""
    _c._init_truncated_normal(x, *_key(seed, name), mean, std, bound)
    return x


def kaiming_normal_(x, mode="fan_in", gain=2 ** 0.5, seed=None, name=""):
    """N(0, gain^2 / fan) (He et al. 2015, eq. 10). mode: fan_in or fan_out."""
    _c._init_kaiming_normal(x, *_key(seed, name), mode, gain)
    return x


def kaiming_uniform_(x, mode="fan_in", gain=2 ** 0.5, seed=None, name=""):
    """U(-b, b), b = gain * sqrt(3 / fan)."""
    _c._init_kaiming_uniform(x, *_key(seed, name), mode, gain)
    return x


def xavier_normal_(x, gain=1.0, seed=None, name=""):
    """N(0, gain^2 * 2 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 12)."""
    _c._init_xavier_normal(x, *_key(seed, name), gain)
    return x


def xavier_uniform_(x, gain=1.0, seed=None, name=""):
    """U(-b, b), b = gain * sqrt(6 / (fan_in + fan_out)) (eq. 16)."""
    _c._init_xavier_uniform(x, *_key(seed, name), gain)
    return x


def zeros_(x):
    """Zeros."""
    return x.fill_(0) if not x.requires_grad else _constant(x, 0)


def ones_(x):
    """Ones."""
    return x.fill_(1) if not x.requires_grad else _constant(x, 1)


def _constant(x, value):
    x._fill(float(value))
    return x
