"""Modules, layers and losses."""
from . import functional, init
from .layers import (GELU, SiLU, AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, BCEWithLogitsLoss, Conv2d,
                     CrossEntropyLoss, Dropout, Embedding, Flatten, Hardsigmoid, Hardswish, Identity, L1Loss,
                     LayerNorm, LeakyReLU, Linear, MaxPool2d, Mish, MSELoss, ReLU, ReLU6, RMSNorm, Sigmoid, Softmax, Tanh)
from .module import Module, ModuleDict, ModuleList, Parameter, Sequential
from .recurrent import GRU, LSTM
from .transformer import MultiheadAttention, TransformerEncoder, TransformerEncoderLayer

__all__ = [name for name in dir() if not name.startswith("_") and name not in ("layers", "module", "recurrent", "transformer")]
