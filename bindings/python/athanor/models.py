"""Models of the field: BERT and ERNIE, GPT in two forms, ViT, an LSTM classifier, and nets for pictures.

    model = ath.models.bert(layers=4, width=256, heads=4, hidden=1024, labels=3)
    model.load_pretrained(ath.load("pytorch_model.bin"))
    logits = model(ids, mask=mask)

Each is an nn.Module like any other: parameters(), state_dict(), train(), eval().
"""
import os

from . import _athanor as _c
from . import errors
from ._random import next_key
from .nn.module import Module, Parameter


class _Group(Module):
    """A part of a dotted name."""

    def forward(self, *_):
        raise errors.ValueError("this part of a model is run by the whole model")


class NativeModel(Module):
    """A model that is computed in C++; its parameters are those of the C++ module."""

    _table = None  # the name table of its weight files

    def __init__(self, kind, options, seed):
        super().__init__()
        object.__setattr__(self, "_native", _c._make_model(kind, options, seed))
        object.__setattr__(self, "kind", kind)
        for register, tensors in ((self._own_parameter, self._native.parameters()),
                                  (self._own_buffer, self._native.buffers())):
            for name, tensor in tensors:
                *path, last = name.split(".")
                module = self
                for part in path:
                    if part not in module._modules:
                        module.add_module(part, _Group())
                    module = module._modules[part]
                register(module, last, tensor)

    @staticmethod
    def _own_parameter(module, name, tensor):
        parameter = Parameter.__new__(Parameter)
        _c.Tensor.__init__(parameter, tensor)
        setattr(module, name, parameter)

    @staticmethod
    def _own_buffer(module, name, tensor):
        module.register_buffer(name, tensor)

    def train(self, mode=True):
        self._native.train(bool(mode))
        return super().train(mode)

    def initialize(self, seed):
        self._native.initialize(seed)
        return self

    def forward(self, x):
        return self._native.run(x, *next_key(self.kind))

    def load_pretrained(self, weights, strict=False):
        """Copies the weights of another library's file (athanor.load(path)) by its table of names.

        Returns (missing, unexpected): names of this model that the weights lack (a new head keeps its initial
        values), and weights without a place. strict=True makes both errors. Raises ValueError for another shape.
        """
        if self._table is None:
            return self.load_state_dict(weights, strict)
        return self.load_state_dict(_c._translate_weights(self._table, dict(weights)), strict)

    def __repr__(self):
        count = sum(p.size for p in self.parameters())
        return f"{self._native.describe()}, {count:,} parameters"


class Bert(NativeModel):
    """BERT and ERNIE with a head."""

    _table = "bert"

    def forward(self, ids, types=None, mask=None, tasks=None):
        """ids, types, mask, tasks: int64 [B, T]. Returns logits: [B, labels], or of each token."""
        return _c._bert_run(self._native, ids, types, mask, tasks, *next_key("bert"))


class Gpt(NativeModel):
    """A decoder that continues text."""

    def __init__(self, kind, options, seed):
        super().__init__(kind, options, seed)
        object.__setattr__(self, "_table", "llama" if options.get("form") == "llama" else "gpt2")

    def generate(self, ids, count, temperature=0.0, top_k=0, seed=0):
        """ids [B, T] with count tokens more. temperature 0: the likeliest token; top_k 0: of all tokens."""
        return _c._gpt_generate(self._native, ids, count, temperature, top_k, seed)


class LstmClassifier(NativeModel):
    """Token vectors, an LSTM, mean and maximum over the tokens, a linear layer."""

    def forward(self, ids, lengths=None):
        """ids: int64 [B, T]; lengths: int64 [B], tokens of each text. Returns logits [B, labels]."""
        return _c._lstm_classifier_run(self._native, ids, lengths, *next_key("lstm_classifier"))


class Vit(NativeModel):
    """A vision transformer."""

    _table = "vit"


def bert(*, seed=0, **options):
    """BERT (Devlin et al. 2019), or ERNIE 2.0 with tasks > 0.

    Options: head ("sequence", "token" or "masked"), labels=2, vocabulary=30522, width=768, layers=12, heads=12,
    hidden=3072, positions=512, types=2, tasks=0, activation="gelu", dropout=0.1, epsilon=1e-12, deviation=0.02.
    """
    return Bert("bert", options, seed)


def gpt(*, seed=0, **options):
    """GPT-2's form (Radford et al. 2019) or, with form="llama", Llama's (Touvron et al. 2023).

    Options: form="gpt2", vocabulary=50257, width=768, layers=12, heads=12, key_heads=0 (as heads), hidden=0 (4
    width), positions=1024, dropout=0, epsilon=1e-5, rope_base=10000, rope_interleaved=False, tied=True,
    deviation=0.02.
    """
    return Gpt("gpt", options, seed)


def lstm_classifier(*, seed=0, **options):
    """A classifier of token sequences.

    Options: vocabulary=10000, width=128, hidden=128, layers=1, bidirectional=True, labels=2, dropout=0.3.
    """
    return LstmClassifier("lstm_classifier", options, seed)


def vit(*, seed=0, **options):
    """A vision transformer (Dosovitskiy et al. 2021); the defaults are ViT-Tiny's.

    Options: image=224, patch=16, channels=3, width=192, layers=12, heads=3, hidden=0 (4 width), classes=1000,
    dropout=0, epsilon=1e-6.
    """
    return Vit("vit", options, seed)


def image_models():
    """Names of the nets for pictures that image_model makes, with a line on each."""
    return _c._image_models()


def image_model(name, *, seed=0, **options):
    """A classifier of pictures [N, C, H, W]: see image_models(). Options: classes=1000, channels=3, dropout, width."""
    if name not in image_models():
        raise errors.ValueError(f"image_model: there is no '{name}'; known: {', '.join(image_models())}")
    return NativeModel(name, options, seed)


def load_llama2c(path):
    """The Gpt in a checkpoint of llama2.c (version 0). Raises FormatError for a file that is not one."""
    options, weights = _c._read_llama2c(os.fspath(path))
    model = Gpt("gpt", options, 0)
    model.load_state_dict(weights)
    return model.eval()


__all__ = ["Bert", "Gpt", "LstmClassifier", "NativeModel", "Vit", "bert", "gpt", "image_model", "image_models",
           "load_llama2c", "lstm_classifier", "vit"]
