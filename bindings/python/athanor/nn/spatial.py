"""Convolution, pooling and resizing over one, two and three axes."""
from .. import _tensor, errors, ops
from . import functional, init
from .module import Module, Parameter


class _Conv(Module):
    _axes, _op = 0, None

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True):
        super().__init__()
        name = type(self).__name__
        if min(in_channels, out_channels, groups) < 1 or in_channels % groups or out_channels % groups:
            raise errors.ValueError(f"{name}: groups {groups} must divide both {in_channels} input and {out_channels} "
                                    "output channels")
        spread = lambda value: functional.spread(value, self._axes)  # noqa: E731
        self.weight = Parameter(_tensor.zeros((*self._channels(in_channels, out_channels, groups), *spread(kernel_size))))
        self.register_parameter("bias", Parameter(_tensor.zeros(out_channels)) if bias else None)
        self.stride, self.padding, self.dilation, self.groups = spread(stride), spread(padding), spread(dilation), groups
        self.reset()

    @staticmethod
    def _channels(inside, out, groups):
        return out, inside // groups

    def reset(self, seed=None, prefix=""):
        init.kaiming_normal_(self.weight, "fan_out", seed=seed, name=prefix + "weight")
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, x):
        return self._op(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self):
        return f"weight={self.weight.shape}, stride={self.stride}, padding={self.padding}, groups={self.groups}"


class Conv1d(_Conv):
    """Convolution of [N, in_channels, L]; weight: [out_channels, in_channels / groups, k]."""

    _axes, _op = 1, staticmethod(ops.conv1d)


class Conv3d(_Conv):
    """Convolution of [N, in_channels, D, H, W]; weight: [out_channels, in_channels / groups, d, h, w]."""

    _axes, _op = 3, staticmethod(ops.conv3d)


class _ConvTranspose(_Conv):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1,
                 bias=True, dilation=1):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        self.output_padding = functional.spread(output_padding, self._axes)

    @staticmethod
    def _channels(inside, out, groups):
        return inside, out // groups

    def forward(self, x):
        return self._op(x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.dilation,
                        self.groups)


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution of [N, in_channels, L]; weight: [in_channels, out_channels / groups, k]."""

    _axes, _op = 1, staticmethod(ops.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution of [N, in_channels, H, W]; weight: [in_channels, out_channels / groups, h, w]."""

    _axes, _op = 2, staticmethod(ops.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution of [N, in_channels, D, H, W]."""

    _axes, _op = 3, staticmethod(ops.conv_transpose3d)


class _Pool(Module):
    _axes, _op, _more = 0, None, ()

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        spread = lambda value: functional.spread(value, self._axes)  # noqa: E731
        self.kernel, self.padding = spread(kernel_size), spread(padding)
        self.stride = self.kernel if stride is None else spread(stride)

    def forward(self, x):
        return self._op(x, self.kernel, self.stride, self.padding, *self._more)

    def extra_repr(self):
        return f"kernel_size={self.kernel}, stride={self.stride}, padding={self.padding}"


class MaxPool1d(_Pool):
    """The largest of each window of [N, C, L]; stride: default the kernel's size."""

    _axes, _op = 1, staticmethod(ops.max_pool1d)


class MaxPool3d(_Pool):
    """The largest of each window of [N, C, D, H, W]."""

    _axes, _op = 3, staticmethod(ops.max_pool3d)


class AvgPool1d(_Pool):
    """The mean of each window of [N, C, L]; the padding counts."""

    _axes, _op, _more = 1, staticmethod(ops.avg_pool1d), (True,)


class AvgPool3d(_Pool):
    """The mean of each window of [N, C, D, H, W]; the padding counts."""

    _axes, _op, _more = 3, staticmethod(ops.avg_pool3d), (True,)


class AdaptiveMaxPool2d(Module):
    """The largest of size[0] x size[1] windows that cover the picture."""

    def __init__(self, output_size):
        super().__init__()
        self.size = functional.pair(output_size)

    def forward(self, x):
        return ops.adaptive_max_pool2d(x, self.size)


class Upsample(Module):
    """[N, C, L] or [N, C, H, W] in another size, or its sizes times scale_factor; mode as functional.interpolate."""

    def __init__(self, size=None, scale_factor=None, mode="nearest", align_corners=False):
        super().__init__()
        if (size is None) == (scale_factor is None):
            raise errors.ValueError("Upsample: give either size or scale_factor" + ("" if size is None else ", not both"))
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, x):
        return functional.interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self):
        size = f"scale_factor={self.scale_factor}" if self.size is None else f"size={self.size}"
        return f"{size}, mode={self.mode!r}"
