"""Normalisation of sequences, volumes and groups of channels."""
from .. import _tensor, errors, ops
from . import init
from .layers import BatchNorm2d
from .module import Module, Parameter


class _BatchNorm(BatchNorm2d):
    _ranks = ()

    def forward(self, x):
        if x.ndim not in self._ranks:
            raise errors.ShapeError(f"{type(self).__name__}: input must have {' or '.join(map(str, self._ranks))} axes, "
                                    f"not {x._describe()}")
        return super().forward(x)


class BatchNorm1d(_BatchNorm):
    """As BatchNorm2d, of [N, C] or [N, C, L]."""

    _ranks = (2, 3)


class BatchNorm3d(_BatchNorm):
    """As BatchNorm2d, of [N, C, D, H, W]."""

    _ranks = (5,)


class GroupNorm(Module):
    """Normalises each of num_groups groups of channels of [N, num_channels, ...] (Wu and He 2018)."""

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True):
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise errors.ValueError(f"GroupNorm: {num_groups} groups do not divide {num_channels} channels")
        self.num_groups, self.eps = num_groups, eps
        self.register_parameter("weight", Parameter(_tensor.ones(num_channels)) if affine else None)
        self.register_parameter("bias", Parameter(_tensor.zeros(num_channels)) if affine else None)

    def reset(self, seed=None, prefix=""):
        if self.weight is not None:
            init.ones_(self.weight), init.zeros_(self.bias)

    def forward(self, x):
        return ops.group_norm(x, self.weight, self.bias, self.num_groups, self.eps)

    def extra_repr(self):
        return f"{self.num_groups}, eps={self.eps}"


class _InstanceNorm(GroupNorm):
    _rank = 0

    def __init__(self, num_features, eps=1e-5, affine=False):
        super().__init__(num_features, num_features, eps, affine)

    def forward(self, x):
        if x.ndim != self._rank or x.shape[1] != self.num_groups:
            raise errors.ShapeError(f"{type(self).__name__}: input must have {self._rank} axes and {self.num_groups} "
                                    f"channels, not {x._describe()}")
        return super().forward(x)


class InstanceNorm1d(_InstanceNorm):
    """Normalises each channel of each example of [N, C, L] (Ulyanov et al. 2016)."""

    _rank = 3


class InstanceNorm2d(_InstanceNorm):
    """Normalises each channel of each example of [N, C, H, W]."""

    _rank = 4


class InstanceNorm3d(_InstanceNorm):
    """Normalises each channel of each example of [N, C, D, H, W]."""

    _rank = 5
