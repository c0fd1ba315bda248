"""athanor: deep learning from tensors to a deployed model, on your own machine.

    import athanor as ath
    x = ath.randn((4, 3)); x.requires_grad = True
    (x * x).sum().backward()
    model = ath.fit("photos/", budget="5m"); model.predict("photo.jpg")
"""
from . import _athanor as _c
from . import errors

_c._error_classes.update({name: getattr(errors, name) for name in errors.__all__})

from . import ops  # noqa: E402
from ._athanor import (__version__, dtype, get_num_threads, grad, is_deterministic, is_grad_enabled,  # noqa: E402
                       masked_select, nms, nonzero, promote, set_num_threads, unique, use_deterministic)
from ._product import Model, fit, load, save  # noqa: E402
from ._random import manual_seed, random_scope  # noqa: E402
from ._tensor import (Tensor, arange, asarray, empty, enable_grad, eye, from_dlpack, from_numpy, full,  # noqa: E402
                      full_like, linspace, no_grad, ones, ones_like, rand, randint, randn, randperm, tensor, zeros,
                      zeros_like)
from .ops import *  # noqa: E402, F403
from ._combine import bincount, bucketize, diag, einsum, histc, meshgrid  # noqa: E402, F811
from . import array_api, autograd, func, models, nn, optim, text  # noqa: E402
from .func import vmap  # noqa: E402

bool_, uint8, int8, int32, int64 = dtype.bool, dtype.uint8, dtype.int8, dtype.int32, dtype.int64
float16, bfloat16, float32, float64 = dtype.float16, dtype.bfloat16, dtype.float32, dtype.float64
inf, nan, pi, e, newaxis = float("inf"), float("nan"), 3.141592653589793, 2.718281828459045, None
