"""Modules, layers and losses."""
from . import functional, init
from .layers import (ELU, GELU, GLU, SELU, SiLU, AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, Conv2d, Dropout, Embedding,
                     Flatten, Hardsigmoid, Hardswish, Identity, LayerNorm, LeakyReLU, Linear, LogSoftmax, MaxPool2d, Mish,
                     PReLU, ReLU, ReLU6, RMSNorm, Sigmoid, Softmax, Softplus, Tanh)
from .losses import (BCEWithLogitsLoss, CrossEntropyLoss, CTCLoss, FocalLoss, HuberLoss, KLDivLoss, L1Loss, MSELoss,
                     NLLLoss, SmoothL1Loss, TripletMarginLoss)
from .module import Module, ModuleDict, ModuleList, Parameter, Sequential
from .norms import (BatchNorm1d, BatchNorm3d, GroupNorm, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d)
from .recurrent import GRU, LSTM
from .spatial import (AdaptiveMaxPool2d, AvgPool1d, AvgPool3d, Conv1d, Conv3d, ConvTranspose1d, ConvTranspose2d,
                      ConvTranspose3d, MaxPool1d, MaxPool3d, Upsample)
from .transformer import (MultiheadAttention, TransformerDecoder, TransformerDecoderLayer, TransformerEncoder,
                          TransformerEncoderLayer)

_PARTS = ("layers", "losses", "module", "norms", "recurrent", "spatial", "transformer")
__all__ = [name for name in dir() if not name.startswith("_") and name not in _PARTS]
