"""From pictures to a model without theory: fit, load, predict, evaluate."""
import os
import pathlib

import numpy as np

from . import _athanor as _c
from . import errors, ops
from ._tensor import Tensor, from_numpy


class Model:
    """A trained model, read from its package (one .zip).

    labels: the class names. manifest: everything that the package says of the model. result: what fit() found, else
    None. Several threads may use one model.
    """

    def __init__(self, path, result=None):
        self.path, self.result = pathlib.Path(path), result
        self._classifier = _c._Classifier(str(path))
        self.manifest = self._classifier.manifest
        self.labels = list(self.manifest["labels"])

    def predict(self, pictures, top_k=5):
        """What is on a picture: [{"label", "score"}], best first; a list of these for a list of pictures.

        A picture is a file name, the bytes of a file, or a uint8 array [height, width] or [height, width, 3].
        Raises FormatError for a picture that cannot be read, IoError for a file.
        """
        if isinstance(pictures, (list, tuple)):
            return [self.predict(picture, top_k) for picture in pictures]
        if isinstance(pictures, (str, os.PathLike)):
            return self._classifier.predict_file(os.fspath(pictures), top_k)
        if isinstance(pictures, (bytes, bytearray, memoryview)):
            return self._classifier.predict_bytes(bytes(pictures), top_k)
        if isinstance(pictures, (np.ndarray, Tensor)):
            return self._classifier.predict_bytes(_portable(np.asarray(pictures)), top_k)
        raise TypeError(f"predict: expected a file name, bytes or an array, not {type(pictures).__name__}")

    def scores(self, pixels):
        """Scores [N, labels] of pixels that are prepared already: float32 [N, channels, height, width]."""
        if isinstance(pixels, np.ndarray):
            pixels = from_numpy(pixels)
        return self._classifier.scores(pixels)

    def evaluate(self, data, label_column=""):
        """Accuracy on labelled pictures (a folder, archive or list): accuracy, its 95 % interval, correct, count, and
        support, precision, recall and f1 of each class."""
        return self._classifier.evaluate(os.fspath(data), label_column)

    def __repr__(self):
        test = self.manifest.get("metrics", {}).get("test", {})
        accuracy = f", test accuracy {100 * test['accuracy']:.1f} %" if "accuracy" in test else ""
        return f"Model({str(self.path)!r}, {len(self.labels)} labels{accuracy})"


def _portable(array):
    """The array as the bytes of a BMP file, which holds the same pixels."""
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or \
            0 in array.shape:
        raise errors.ShapeError(f"predict: an array must be uint8 [height, width] or [height, width, 3], not "
                                f"{array.dtype} {list(array.shape)}")
    if array.ndim == 2:
        array = np.repeat(array[:, :, None], 3, axis=2)
    height, width = array.shape[:2]
    row = (3 * width + 3) // 4 * 4
    rows = np.zeros((height, row), np.uint8)
    rows[:, :3 * width] = array[::-1, :, ::-1].reshape(height, 3 * width)
    head = b"BM" + np.array([54 + row * height, 0, 54, 40, width, height], "<u4").tobytes() + \
        np.array([1, 24], "<u2").tobytes() + np.array([0, row * height, 2835, 2835, 0, 0], "<u4").tobytes()
    return head + rows.tobytes()


def fit(data, budget="5m", *, test="", preset="balanced", weights="", tune="auto", model="", split="stratified",
        test_fraction=0.2, label_column="", out="", epochs=0, seed=0, language="en", quiet=False):
    """Trains a picture classifier and checks it on pictures that were held out; returns the Model.

    data: a folder with one folder for each class, an archive of it, a CSV list, or an IDX file. budget: time for all
    of it, "90s", "5m", "1h". The other options are those of `athanor fit`. The package is written to `out` (default
    <data name>.zip here). Ctrl-C saves the progress and raises KeyboardInterrupt. Raises RefusalError for data that
    cannot be used, with what to do about it.
    """
    result = _c._fit(os.fspath(data), os.fspath(test), str(budget), preset, os.fspath(weights), tune, model, split,
                     test_fraction, label_column, os.fspath(out), epochs, seed, language, quiet)
    if result.get("interrupted"):
        raise KeyboardInterrupt(f"training was stopped and its progress is saved; go on with: {result['resume']}")
    return Model(result["model"], result)


def load(path):
    """A Model from a package (.zip), or tensors by name from weights (safetensors, PyTorch's .pth).

    Nothing in a file is ever executed. Raises FormatError or RefusalError for a file that is neither, IoError for one
    that cannot be read.
    """
    path = os.fspath(path)
    if str(path).lower().endswith(".zip"):
        return Model(path)
    return _c._load_weights(path)


def save(path, tensors, metadata=None):
    """Writes tensors by name (a dict, or a module's state_dict()) as safetensors: whole or not at all.

    metadata: a dict of texts that stands in the file.
    """
    if isinstance(tensors, (str, os.PathLike)):
        path, tensors = tensors, path  # the order of torch.save
    named = {}
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"save: '{name}' is {type(value).__name__}; only tensors are saved")
        named[str(name)] = ops.contiguous(value.detach())
    _c._save_safetensors(os.fspath(path), named, {str(k): str(v) for k, v in (metadata or {}).items()})
