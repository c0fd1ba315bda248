"""Layers with the names and defaults of the field."""
from .. import _tensor, errors, ops
from . import functional, init
from .module import Module, Parameter


def _positive(layer, **sizes):
    for name, value in sizes.items():
        if value < 1:
            raise errors.ValueError(f"{layer}: {name} must be at least 1, not {value}")


class Linear(Module):
    """y = x weight^T + bias; x: [..., in_features], weight: [out_features, in_features]."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        _positive("Linear", in_features=in_features, out_features=out_features)
        self.weight = Parameter(_tensor.zeros((out_features, in_features)))
        self.register_parameter("bias", Parameter(_tensor.zeros(out_features)) if bias else None)
        self.reset()

    def reset(self, seed=None, prefix=""):
        bound = self.weight.shape[1] ** -0.5
        init.uniform_(self.weight, -bound, bound, seed, prefix + "weight")
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound, seed, prefix + "bias")

    def forward(self, x):
        return ops.linear(x, self.weight, self.bias)

    def extra_repr(self):
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}" + ("" if self.bias is not None else ", bias=False")


class Conv2d(Module):
    """2-D convolution of [N, in_channels, H, W]; weight: [out_channels, in_channels / groups, h, w].

    Initial values: Kaiming normal over fan out, bias 0.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True):
        super().__init__()
        _positive("Conv2d", in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise errors.ValueError(f"Conv2d: groups {groups} must divide both {in_channels} input and {out_channels} "
                                    "output channels")
        kernel = functional.pair(kernel_size)
        self.weight = Parameter(_tensor.zeros((out_channels, in_channels // groups, *kernel)))
        self.register_parameter("bias", Parameter(_tensor.zeros(out_channels)) if bias else None)
        self.stride, self.padding, self.dilation = map(functional.pair, (stride, padding, dilation))
        self.groups = groups
        self.reset()

    def reset(self, seed=None, prefix=""):
        init.kaiming_normal_(self.weight, "fan_out", seed=seed, name=prefix + "weight")
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, x):
        return ops.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self):
        out, inside, *kernel = self.weight.shape
        text = f"{inside * self.groups}, {out}, kernel_size={tuple(kernel)}, stride={self.stride}"
        for name, plain in (("padding", (0, 0)), ("dilation", (1, 1)), ("groups", 1)):
            if getattr(self, name) != plain:
                text += f", {name}={getattr(self, name)}"
        return text + ("" if self.bias is not None else ", bias=False")


class BatchNorm2d(Module):
    """Normalises each channel of [N, C, H, W] (Ioffe and Szegedy 2015).

    Training uses the batch's mean and biased variance and moves running_mean and running_var (unbiased) towards them
    by momentum; evaluation uses the running statistics.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        _positive("BatchNorm2d", num_features=num_features)
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = Parameter(_tensor.ones(num_features)), Parameter(_tensor.zeros(num_features))
        self.register_buffer("running_mean", _tensor.zeros(num_features))
        self.register_buffer("running_var", _tensor.ones(num_features))

    def reset(self, seed=None, prefix=""):
        init.ones_(self.weight), init.zeros_(self.bias)
        self.running_mean.fill_(0), self.running_var.fill_(1)

    def forward(self, x):
        if not self.training:
            return ops.batch_norm_inference(x, self.weight, self.bias, self.running_mean, self.running_var, self.eps)
        y, mean, variance = ops.batch_norm_train(x, self.weight, self.bias, self.eps)
        count = x.size // self.weight.size
        if count < 2:
            raise errors.ValueError(f"BatchNorm2d: training needs more than one value in each channel, the batch has "
                                    f"{count}")
        m = self.momentum
        with _tensor.no_grad():
            self.running_mean.copy_(self.running_mean * (1 - m) + mean.detach() * m)
            self.running_var.copy_(self.running_var * (1 - m) + variance.detach() * (m * count / (count - 1)))
        return y

    def extra_repr(self):
        return f"{self.weight.size}, eps={self.eps}, momentum={self.momentum}"


class LayerNorm(Module):
    """Normalises the last axes, of the shape normalized_shape (Ba et al. 2016), then weight and bias."""

    def __init__(self, normalized_shape, eps=1e-5, bias=True):
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.weight = Parameter(_tensor.ones(shape))
        self.register_parameter("bias", Parameter(_tensor.zeros(shape)) if bias else None)
        self.eps = eps

    def reset(self, seed=None, prefix=""):
        init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, x):
        return ops.layer_norm(x, self.weight, self.bias, self.weight.ndim, self.eps)

    def extra_repr(self):
        return f"{self.weight.shape}, eps={self.eps}" + ("" if self.bias is not None else ", bias=False")


class RMSNorm(Module):
    """Divides by the root mean square of the last axes (Zhang and Sennrich 2019), then weight."""

    def __init__(self, normalized_shape, eps=1e-5):
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.weight, self.eps = Parameter(_tensor.ones(shape)), eps

    def reset(self, seed=None, prefix=""):
        init.ones_(self.weight)

    def forward(self, x):
        return ops.rms_norm(x, self.weight, self.weight.ndim, self.eps)

    def extra_repr(self):
        return f"{self.weight.shape}, eps={self.eps}"


class Embedding(Module):
    """A table of vectors: integers of any shape become index.shape + [embedding_dim]. Initial values: N(0, 1)."""

    def __init__(self, num_embeddings, embedding_dim):
        super().__init__()
        _positive("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.weight = Parameter(_tensor.zeros((num_embeddings, embedding_dim)))
        self.reset()

    def reset(self, seed=None, prefix=""):
        init.normal_(self.weight, 0.0, 1.0, seed, prefix + "weight")

    def forward(self, index):
        return functional.embedding(index, self.weight)

    def extra_repr(self):
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}"


class Dropout(Module):
    """In training, elements are 0 with probability p and the others divided by 1 - p."""

    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise errors.ValueError(f"Dropout: p must be in [0, 1), not {p}")
        self.p = p

    def forward(self, x):
        return functional.dropout(x, self.p, self.training)

    def extra_repr(self):
        return f"p={self.p}"


class Flatten(Module):
    """Joins the axes from start_dim on."""

    def __init__(self, start_dim=1):
        super().__init__()
        self.start_dim = start_dim

    def forward(self, x):
        return ops.flatten(x, self.start_dim)


class Identity(Module):
    """Gives its input back."""

    def forward(self, x):
        return x


class Softmax(Module):
    """Softmax along an axis."""

    def __init__(self, axis=-1):
        super().__init__()
        self.axis = axis

    def forward(self, x):
        return ops.softmax(x, self.axis)


class LeakyReLU(Module):
    """x where positive, slope * x elsewhere."""

    def __init__(self, slope=0.01):
        super().__init__()
        self.slope = slope

    def forward(self, x):
        return ops.leaky_relu(x, self.slope)


class LogSoftmax(Module):
    """The logarithm of softmax along an axis."""

    def __init__(self, axis=-1):
        super().__init__()
        self.axis = axis

    def forward(self, x):
        return ops.log_softmax(x, self.axis)


class PReLU(Module):
    """x where positive, weight * x elsewhere; one weight, or one for each channel (axis 1)."""

    def __init__(self, num_parameters=1, init=0.25):  # noqa: A002
        super().__init__()
        _positive("PReLU", num_parameters=num_parameters)
        self.weight, self.start = Parameter(_tensor.full(num_parameters, float(init))), float(init)

    def reset(self, seed=None, prefix=""):
        self.weight.detach().fill_(self.start)

    def forward(self, x):
        weight = self.weight
        if weight.size > 1:
            weight = weight.reshape((-1,) + (1,) * (x.ndim - 2))
        return ops.prelu(x, weight)


class ELU(Module):
    """x where positive, alpha (exp(x) - 1) elsewhere."""

    def __init__(self, alpha=1.0):
        super().__init__()
        self.alpha = alpha

    def forward(self, x):
        return ops.elu(x, self.alpha)


class GLU(Module):
    """The first half along an axis times the sigmoid of the second."""

    def __init__(self, axis=-1):
        super().__init__()
        self.axis = axis

    def forward(self, x):
        return ops.glu(x, self.axis)


def _activation(name, function):
    return type(name, (Module,), {"__doc__": function.__doc__, "__module__": __name__,
                                  "forward": lambda self, x: function(x)})


ReLU, ReLU6, SiLU = (_activation(n, f) for n, f in (("ReLU", ops.relu), ("ReLU6", ops.relu6), ("SiLU", ops.silu)))
GELU, Mish, Tanh = (_activation(n, f) for n, f in (("GELU", ops.gelu), ("Mish", ops.mish), ("Tanh", ops.tanh)))
SELU, Softplus = (_activation(n, f) for n, f in (("SELU", ops.selu), ("Softplus", ops.softplus)))
Sigmoid, Hardswish, Hardsigmoid = (_activation(n, f) for n, f in (
    ("Sigmoid", ops.sigmoid), ("Hardswish", ops.hardswish), ("Hardsigmoid", ops.hardsigmoid)))


class _Pool(Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel = functional.pair(kernel_size)
        self.stride = self.kernel if stride is None else functional.pair(stride)
        self.padding = functional.pair(padding)

    def extra_repr(self):
        return f"kernel_size={self.kernel}, stride={self.stride}, padding={self.padding}"


class MaxPool2d(_Pool):
    """The largest of each window of [N, C, H, W]; stride: default the kernel's size."""

    def forward(self, x):
        return ops.max_pool2d(x, self.kernel, self.stride, self.padding)


class AvgPool2d(_Pool):
    """The mean of each window of [N, C, H, W]; the padding counts."""

    def forward(self, x):
        return ops.avg_pool2d(x, self.kernel, self.stride, self.padding, True)


class AdaptiveAvgPool2d(Module):
    """The means of size[0] x size[1] windows that cover the picture."""

    def __init__(self, output_size):
        super().__init__()
        self.size = functional.pair(output_size)

    def forward(self, x):
        return ops.adaptive_avg_pool2d(x, self.size)
