"""Typical mistakes of a programmer: each gets its class and a message that names the op, what came and what was wanted,
raised at the user's line. None ends the process."""
import pathlib
import tempfile
import traceback
import unittest

import numpy as np

import athanor as ath
from athanor import nn, optim

E = ath.errors
x23, x34, x4 = ath.ones((2, 3)), ath.ones((3, 4)), ath.ones(4)


def freed():
    x = ath.ones(2).requires_grad_()
    y = (x * x).sum()
    y.backward()
    y.backward()


def overwritten():
    x = ath.ones(2).requires_grad_()
    y = x.detach().clone()
    z = (x * y).sum()
    y.fill_(3)
    z.backward()


def assigned_leaf():
    w = ath.ones(2).requires_grad_()
    w -= 0.1


def non_leaf():
    x = ath.ones(2).requires_grad_()
    (x * 2).requires_grad = False


def no_init():
    class Broken(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)
    Broken()


def weights_of_another_kind():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "weights.safetensors")
        path.write_text("no weights at all")
        ath.load(path)


def cut_short():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "weights.safetensors")
        ath.save(path, {"w": ath.ones(100)})
        path.write_bytes(path.read_bytes()[:-7])
        ath.load(path)


# (what is done, class, every part of the message)
MISTAKES = [
    (lambda: x23 @ x23, E.ShapeError, ["matmul", "3 columns", "2 rows", "f32[2,3]"]),
    (lambda: x23 + x34, E.ShapeError, ["add", "[2,3]", "[3,4]"]),
    (lambda: nn.Linear(5, 2)(x23), E.ShapeError, ["linear", "3 features", "expects 5"]),
    (lambda: nn.Conv2d(3, 8, 3)(ath.ones((1, 4, 8, 8))), E.ShapeError, ["conv2d", "4", "3"]),
    (lambda: nn.Conv2d(3, 8, 3)(x23), E.ShapeError, ["conv2d", "[2,3]"]),
    (lambda: nn.Conv2d(3, 8, 9)(ath.ones((1, 3, 4, 4))), E.ShapeError, ["conv2d", "9"]),
    (lambda: x23.reshape(4, 2), E.ShapeError, ["reshape", "[2,3]", "[4,2]"]),
    (lambda: x23.sum(axis=2), E.IndexError, ["sum", "axis 2", "[-2, 2)"]),
    (lambda: x23[2], E.IndexError, ["index 2", "[-2, 2)", "axis 0"]),
    (lambda: x23[0, 0, 0], E.IndexError, ["too many indices", "3", "f32[2,3]"]),
    (lambda: x23[ath.tensor([5])], E.IndexError, ["index_select", "5", "[-2, 2)"]),
    (lambda: x23["a"], TypeError, ["an index must be", "str"]),
    (lambda: x23[..., ...], E.IndexError, ["one ellipsis"]),
    (lambda: ops_concat(x23, x34), E.ShapeError, ["concat", "[2,3]", "[3,4]"]),
    (lambda: ath.softmax(ath.ones(3, ath.int64)), E.DTypeError, ["softmax", "i64", "f32"]),
    (lambda: x23 @ x34.to(ath.float64), E.DTypeError, ["matmul", "f32", "f64"]),
    (lambda: ath.exp(ath.ones(2, ath.bool_)), E.DTypeError, ["exp", "bool"]),
    (lambda: nn.functional.embedding(x4, x34), E.DTypeError, ["index_select", "f32", "i64"]),
    (lambda: ath.ones(2, ath.int64).requires_grad_(), E.DTypeError, ["gradient", "i64"]),
    (lambda: nn.functional.cross_entropy(x23, ath.tensor([0, 3])), E.IndexError, ["cross_entropy", "3", "classes"]),
    (lambda: nn.functional.cross_entropy(x23, ath.tensor([0, 1, 2])), E.ShapeError, ["cross_entropy", "[3]", "[2,3]"]),
    (lambda: ath.ones((2, 3)).requires_grad_().sum(axis=0).backward(), E.ShapeError, ["backward", "3 elements"]),
    (lambda: x34.sum().backward(), E.ValueError, ["backward", "requires"]),
    (freed, E.ValueError, ["backward", "retain_graph"]),
    (overwritten, E.ValueError, ["mul", "overwritten"]),
    (assigned_leaf, E.ValueError, ["-=", "no_grad"]),
    (non_leaf, E.ValueError, ["leaf"]),
    (lambda: ath.ones(2).requires_grad_().numpy(), E.ValueError, ["numpy", "detach()"]),
    (lambda: ath.ones(2, ath.bfloat16).numpy(), E.DTypeError, ["bfloat16", "float32"]),
    (lambda: float(x23), E.ShapeError, ["item", "f32[2,3]"]),
    (lambda: bool(x23), E.ShapeError, ["item", "f32[2,3]"]),
    (lambda: ath.tensor([[1, 2], [3]]), (E.ValueError, ValueError), ["differ in length"]),
    (lambda: ath.tensor("text"), E.DTypeError, ["tensor", "text"]),
    (lambda: ath.from_numpy(np.ones(2, np.complex64)), E.DTypeError, ["complex64", "astype"]),
    (lambda: ath.relu([1, 2]), TypeError, ["Tensor", "list", "athanor.tensor"]),
    (lambda: ath.softmax(x23, axis="last"), TypeError, ["softmax", "axis", "'last'"]),
    (lambda: ath.softmax(x23, dims=1), TypeError, ["softmax", "dims", "axis"]),
    (lambda: ath.topk(x23, 4), E.ValueError, ["topk", "4", "3 elements"]),
    (lambda: ath.ones(2, ath.uint8) + 300, E.ValueError, ["300", "u8"]),
    (lambda: len(ath.tensor(1.0)), TypeError, ["len"]),
    (lambda: nn.Dropout(1.5), E.ValueError, ["Dropout", "1.5"]),
    (lambda: nn.Linear(0, 2), E.ValueError, ["Linear", "in_features", "0"]),
    (no_init, AttributeError, ["super().__init__()"]),
    (lambda: nn.Module()(x23), NotImplementedError, ["forward"]),
    (lambda: nn.Linear(2, 2).weigth, AttributeError, ["Linear", "weigth"]),
    (lambda: setattr(nn.Linear(2, 2), "weight", x23), TypeError, ["Linear.weight", "Parameter"]),
    (lambda: nn.Linear(2, 2).load_state_dict({"weight": x23}), E.ValueError, ["missing: bias", "weight (2x3"]),
    (lambda: optim.SGD([], lr=0.1), E.ValueError, ["SGD", "no parameters"]),
    (lambda: optim.SGD(nn.Linear(2, 2).parameters(), lr=-1), E.ValueError, ["SGD", "lr", "-1"]),
    (lambda: optim.Schedule("cosin"), E.ValueError, ["cosin", "cosine"]),
    (lambda: nn.BatchNorm2d(3)(ath.ones((1, 3, 1, 1))), E.ValueError, ["BatchNorm2d", "more than one value"]),
    (lambda: ath.solve(ath.zeros((2, 2)), ath.ones((2, 1))), E.ValueError, ["solve", "singular"]),
    (lambda: ath.zeros((1 << 40, 1 << 10)), E.OutOfMemoryError, ["allocation", "larger than any machine"]),
    (lambda: ath.load("/no/such/file.safetensors"), E.IoError, ["/no/such/file"]),
    (weights_of_another_kind, E.FormatError, ["weights.safetensors"]),
    (cut_short, E.FormatError, ["weights.safetensors"]),
    (lambda: ath.save("/no/such/folder/x.safetensors", {"x": x4}), E.IoError, ["/no/such/folder"]),
    (lambda: ath.set_num_threads(0), E.ValueError, ["set_num_threads", "0"]),
]


def ops_concat(*tensors):
    return ath.concat(tensors, 1)


class Mistakes(unittest.TestCase):
    def test_each_is_told_at_the_users_line(self):
        self.assertGreaterEqual(len(MISTAKES), 40)
        for i, (mistake, kind, parts) in enumerate(MISTAKES):
            with self.subTest(number=i, line=mistake.__code__.co_firstlineno):
                try:
                    mistake()
                    self.fail("nothing was raised")
                except kind as error:
                    for part in parts:
                        self.assertIn(part, str(error))
                    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == __file__]
                    self.assertGreaterEqual(len(lines), 2, "the traceback leads to the user's line")

    def test_the_classes_are_pythons_own_too(self):
        for name, base in (("ShapeError", ValueError), ("DTypeError", TypeError), ("IndexError", IndexError),
                           ("OutOfMemoryError", MemoryError), ("IoError", OSError), ("UnsupportedError", NotImplementedError)):
            self.assertTrue(issubclass(getattr(E, name), base), name)
            self.assertTrue(issubclass(getattr(E, name), E.Error), name)


if __name__ == "__main__":
    unittest.main()
