"""Every function of the array API namespace against NumPy, over shapes, axes and dtypes."""
import pathlib
import subprocess
import sys
import unittest

import numpy as np

import athanor as ath
from athanor import array_api as xp

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHAPES = [(), (3,), (2, 3), (2, 1, 4), (0, 3)]
random = np.random.default_rng(1)

UNARY = {  # name: (NumPy's function, low, high)
    "abs": (np.abs, -2, 2), "acos": (np.arccos, -0.9, 0.9), "acosh": (np.arccosh, 1.1, 3), "asin": (np.arcsin, -0.9, 0.9),
    "asinh": (np.arcsinh, -2, 2), "atan": (np.arctan, -2, 2), "atanh": (np.arctanh, -0.9, 0.9), "ceil": (np.ceil, -2, 2),
    "cos": (np.cos, -3, 3), "cosh": (np.cosh, -2, 2), "exp": (np.exp, -2, 2), "expm1": (np.expm1, -2, 2),
    "floor": (np.floor, -2, 2), "isfinite": (np.isfinite, -2, 2), "isinf": (np.isinf, -2, 2), "isnan": (np.isnan, -2, 2),
    "log": (np.log, 0.1, 3), "log1p": (np.log1p, -0.9, 3), "log2": (np.log2, 0.1, 3), "log10": (np.log10, 0.1, 3),
    "negative": (np.negative, -2, 2), "positive": (np.positive, -2, 2), "round": (np.round, -3, 3),
    "sign": (np.sign, -2, 2), "signbit": (np.signbit, -2, 2), "sin": (np.sin, -3, 3), "sinh": (np.sinh, -2, 2),
    "square": (np.square, -2, 2), "sqrt": (np.sqrt, 0.1, 3), "tan": (np.tan, -1, 1), "tanh": (np.tanh, -2, 2),
    "trunc": (np.trunc, -2, 2)}
BINARY = {
    "add": np.add, "atan2": np.arctan2, "copysign": np.copysign, "divide": np.divide, "equal": np.equal,
    "floor_divide": np.floor_divide, "greater": np.greater, "greater_equal": np.greater_equal, "hypot": np.hypot,
    "less": np.less, "less_equal": np.less_equal, "logaddexp": np.logaddexp, "maximum": np.maximum,
    "minimum": np.minimum, "multiply": np.multiply, "not_equal": np.not_equal, "remainder": np.remainder,
    "subtract": np.subtract}
INTEGERS = {"bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor,
            "bitwise_left_shift": np.left_shift, "bitwise_right_shift": np.right_shift}
BOOLEANS = {"logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor}
tested = set()


def ours(array):
    return ath.tensor(np.asarray(array))


class ArrayApi(unittest.TestCase):
    def same(self, found, wanted, name, tolerance=1e-5):
        tested.add(name)
        wanted = np.asarray(wanted)
        self.assertEqual(found.shape, wanted.shape, name)
        self.assertEqual(found.dtype == xp.bool, wanted.dtype == np.bool_, name)
        np.testing.assert_allclose(found.numpy(), wanted, rtol=tolerance, atol=tolerance, err_msg=name)

    def test_unary(self):
        for name, (judge, low, high) in UNARY.items():
            for shape in SHAPES:
                for dtype in (np.float32, np.float64):
                    x = random.uniform(low, high, shape).astype(dtype)
                    found = getattr(xp, name)(ours(x))
                    self.same(found, judge(x), name)
                    if found.dtype != xp.bool:
                        self.assertEqual(found.numpy().dtype, dtype, name)
        special = np.array([np.inf, -np.inf, np.nan, -0.0, 0.0])
        for name in ("isfinite", "isinf", "isnan", "signbit", "abs", "sign"):
            self.same(getattr(xp, name)(ours(special)), UNARY[name][0](special), name)

    def test_binary(self):
        for name, judge in BINARY.items():
            for a, b in (((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((0,), (1,))):
                x, y = random.uniform(0.5, 3, a).astype(np.float32), random.uniform(0.5, 3, b).astype(np.float32)
                self.same(getattr(xp, name)(ours(x), ours(y)), judge(x, y), name)
                if name not in ("atan2", "copysign", "divide", "hypot", "logaddexp"):
                    i, j = random.integers(1, 9, a), random.integers(1, 9, b)
                    self.same(getattr(xp, name)(ours(i), ours(j)), judge(i, j), name)
        self.same(xp.pow(ours([2.0, 3]), ours([0.5, 2])), np.power([2.0, 3], [0.5, 2]), "pow")
        for name, judge in INTEGERS.items():
            x, y = random.integers(0, 99, (4,)), random.integers(0, 9, (2, 4))
            self.same(getattr(xp, name)(ours(x), ours(y)), judge(x, y), name)
        for name, judge in BOOLEANS.items():
            x, y = random.integers(0, 2, (4,)).astype(bool), random.integers(0, 2, (2, 4)).astype(bool)
            self.same(getattr(xp, name)(ours(x), ours(y)), judge(x, y), name)
        b = np.array([True, False])
        self.same(xp.logical_not(ours(b)), ~b, "logical_not")
        self.same(xp.bitwise_invert(ours(b)), ~b, "bitwise_invert")
        self.same(xp.bitwise_invert(ours([1, -5])), ~np.array([1, -5]), "bitwise_invert")
        x = random.uniform(-2, 2, (3, 4))
        self.same(xp.clip(ours(x), -1, 0.5), np.clip(x, -1, 0.5), "clip")
        self.same(xp.clip(ours(x), max=ours(x[0])), np.minimum(x, x[0]), "clip")

    def test_creation(self):
        self.same(xp.arange(5), np.arange(5), "arange")
        self.same(xp.arange(1, 2, 0.25), np.arange(1, 2, 0.25), "arange")
        self.same(xp.asarray([[1.0, 2], [3, 4]]), np.array([[1.0, 2], [3, 4]]), "asarray")
        self.assertEqual(xp.asarray([1, 2]).dtype, xp.int64)
        self.assertEqual(xp.empty((2, 3)).shape + xp.empty_like(ours([1.0])).shape, (2, 3, 1))
        self.same(xp.eye(3, 4, k=1), np.eye(3, 4, 1), "eye")
        self.same(xp.from_dlpack(np.arange(3.0)), np.arange(3.0), "from_dlpack")
        self.same(xp.full((2,), 7), np.full((2,), 7), "full")
        self.same(xp.full_like(ours([1.0, 2]), 3), np.full(2, 3.0), "full_like")
        self.same(xp.linspace(0, 1, 5, endpoint=False), np.linspace(0, 1, 5, endpoint=False), "linspace")
        for how in ("xy", "ij"):
            grids = np.meshgrid([1.0, 2], [3.0, 4, 5], [6.0], indexing=how)
            for a, b in zip(xp.meshgrid(ours([1.0, 2]), ours([3.0, 4, 5]), ours([6.0]), indexing=how), grids):
                self.same(a, b, "meshgrid")
        for name in ("ones", "zeros"):
            self.same(getattr(xp, name)((2, 3)), getattr(np, name)((2, 3)), name)
            self.same(getattr(xp, name + "_like")(ours([1, 2])), getattr(np, name + "_like")([1, 2]), name + "_like")
        x = random.uniform(-1, 1, (2, 3, 4))
        self.same(xp.tril(ours(x), k=-1), np.tril(x, -1), "tril")
        self.same(xp.triu(ours(x), k=1), np.triu(x, 1), "triu")
        tested.update(("empty", "empty_like"))
        with self.assertRaisesRegex(ath.errors.UnsupportedError, "device is 'cuda'"):
            xp.zeros(3, device="cuda")

    def test_dtypes(self):
        self.assertEqual(xp.astype(ours([1.5]), xp.int32).dtype, xp.int32)
        self.assertTrue(xp.can_cast(xp.int8, xp.int32) and xp.can_cast(xp.float32, xp.float64))
        self.assertFalse(xp.can_cast(xp.float32, xp.int32) or xp.can_cast(xp.int64, xp.int32) or xp.can_cast(xp.bool, xp.int8))
        self.assertEqual(xp.finfo(xp.float32).eps, float(np.finfo(np.float32).eps))
        self.assertEqual((xp.iinfo(xp.int8).min, xp.iinfo(xp.uint8).max), (-128, 255))
        self.assertTrue(xp.isdtype(xp.float32, ("integral", "real floating")) and xp.isdtype(xp.uint8, "unsigned integer"))
        self.assertFalse(xp.isdtype(xp.float32, "integral") or xp.isdtype(xp.bool, "numeric"))
        self.assertEqual(xp.result_type(ours([1]).to(xp.int32), xp.int64), xp.int64)
        info = xp.__array_namespace_info__()
        self.assertEqual(info.default_dtypes()["integral"], xp.int64)
        self.assertEqual(sorted(info.dtypes(kind="real floating")), ["float32", "float64"])
        self.assertIs(ours([1]).__array_namespace__(), xp)
        tested.update(("astype", "can_cast", "finfo", "iinfo", "isdtype", "result_type", "__array_namespace_info__"))

    def test_reductions(self):
        for name, judge in (("sum", np.sum), ("prod", np.prod), ("mean", np.mean), ("max", np.max), ("min", np.min),
                            ("std", np.std), ("var", np.var), ("any", np.any), ("all", np.all)):
            for shape in ((3,), (2, 3), (2, 1, 4)):
                x = random.uniform(-2, 2, shape)
                for axis in (None, 0, -1, tuple(range(len(shape)))):
                    for keep in (False, True):
                        self.same(getattr(xp, name)(ours(x), axis=axis, keepdims=keep),
                                  judge(x, axis=axis, keepdims=keep), name)
        x = random.uniform(-2, 2, (3, 4))
        self.same(xp.var(ours(x), axis=1, correction=1), np.var(x, 1, ddof=1), "var")
        self.same(xp.sum(ours(x), axis=()), x, "sum")
        self.assertEqual(xp.sum(ours(np.array([1, 2], np.int32))).dtype, xp.int64)
        self.same(xp.cumulative_sum(ours(x), axis=1), np.cumsum(x, 1), "cumulative_sum")
        self.same(xp.cumulative_sum(ours(x), axis=0, include_initial=True),
                  np.concatenate((np.zeros((1, 4)), np.cumsum(x, 0))), "cumulative_sum")

    def test_searching_sorting_and_sets(self):
        x = random.permutation(12).reshape(3, 4).astype(np.float64)
        for name, judge in (("argmax", np.argmax), ("argmin", np.argmin)):
            for axis in (None, 0, -1):
                self.same(getattr(xp, name)(ours(x), axis=axis, keepdims=True), judge(x, axis, keepdims=True), name)
        for a, b in zip(xp.nonzero(ours(x > 5)), np.nonzero(x > 5)):
            self.same(a, b, "nonzero")
        line, values = np.sort(random.uniform(0, 1, 9)), random.uniform(0, 1, (2, 3))
        for side in ("left", "right"):
            self.same(xp.searchsorted(ours(line), ours(values), side=side), np.searchsorted(line, values, side), "searchsorted")
        self.same(xp.where(ours(x > 5), ours(x), ours(-x)), np.where(x > 5, x, -x), "where")
        for axis in (0, -1):
            self.same(xp.sort(ours(x), axis=axis), np.sort(x, axis), "sort")
            self.same(xp.argsort(ours(x), axis=axis, descending=True), np.argsort(-x, axis), "argsort")
        self.same(xp.take(ours(x), ours([2, 0]), axis=1), np.take(x, [2, 0], 1), "take")
        y = random.integers(0, 4, (3, 5))
        values, first, inverse, counts = np.unique(y, return_index=True, return_inverse=True, return_counts=True)
        found = xp.unique_all(ours(y))
        self.same(found.values, values, "unique_all")
        self.same(found.indices, first, "unique_all")
        self.same(found.inverse_indices, inverse.reshape(y.shape), "unique_all")
        self.same(xp.unique_counts(ours(y)).counts, counts, "unique_counts")
        self.same(xp.unique_inverse(ours(y)).inverse_indices, inverse.reshape(y.shape), "unique_inverse")
        self.same(xp.unique_values(ours(y)), values, "unique_values")

    def test_manipulation(self):
        x, y = random.uniform(-1, 1, (2, 3, 4)), random.uniform(-1, 1, (3, 1))
        for a, b in zip(xp.broadcast_arrays(ours(x), ours(y)), np.broadcast_arrays(x, y)):
            self.same(a, b, "broadcast_arrays")
        self.same(xp.broadcast_to(ours(y), (2, 3, 4)), np.broadcast_to(y, (2, 3, 4)), "broadcast_to")
        for axis in (0, -1, None):
            self.same(xp.concat([ours(x), ours(x)], axis=axis), np.concatenate([x, x], axis), "concat")
            self.same(xp.flip(ours(x), axis=axis), np.flip(x, axis), "flip")
            self.same(xp.roll(ours(x), 2, axis=axis), np.roll(x, 2, axis), "roll")
            self.same(xp.repeat(ours(x), 2, axis=axis), np.repeat(x, 2, axis), "repeat")
        self.same(xp.repeat(ours(x), ours([1, 0, 2]), axis=1), np.repeat(x, [1, 0, 2], 1), "repeat")
        self.same(xp.roll(ours(x), (1, -2), axis=(0, 2)), np.roll(x, (1, -2), (0, 2)), "roll")
        self.same(xp.expand_dims(ours(x), axis=-2), np.expand_dims(x, -2), "expand_dims")
        self.same(xp.moveaxis(ours(x), 0, -1), np.moveaxis(x, 0, -1), "moveaxis")
        self.same(xp.moveaxis(ours(x), (0, 2), (1, 0)), np.moveaxis(x, (0, 2), (1, 0)), "moveaxis")
        self.same(xp.permute_dims(ours(x), (2, 0, 1)), np.transpose(x, (2, 0, 1)), "permute_dims")
        self.same(xp.reshape(ours(x), (4, -1)), x.reshape(4, -1), "reshape")
        self.same(xp.squeeze(ours(y), 1), np.squeeze(y, 1), "squeeze")
        self.same(xp.stack([ours(x), ours(x)], axis=-1), np.stack([x, x], -1), "stack")
        for repetitions in ((2,), (2, 1, 3), (2, 1, 1, 2)):
            self.same(xp.tile(ours(x), repetitions), np.tile(x, repetitions), "tile")
        for a, b in zip(xp.unstack(ours(x), axis=1), np.moveaxis(x, 1, 0)):
            self.same(a, b, "unstack")

    def test_linear_algebra(self):
        a, b = random.uniform(-1, 1, (2, 3, 3)), random.uniform(-1, 1, (2, 3, 4))
        spd = a @ a.swapaxes(1, 2) + 3 * np.eye(3)
        l, np_l = xp.linalg, np.linalg  # noqa: E741
        for name, found, wanted in (
                ("matmul", xp.matmul(ours(a), ours(b)), a @ b), ("linalg.matmul", l.matmul(ours(a), ours(b)), a @ b),
                ("matrix_transpose", xp.matrix_transpose(ours(b)), b.swapaxes(1, 2)),
                ("linalg.matrix_transpose", l.matrix_transpose(ours(b)), b.swapaxes(1, 2)),
                ("tensordot", xp.tensordot(ours(a), ours(b), axes=((0, 2), (0, 1))), np.tensordot(a, b, ((0, 2), (0, 1)))),
                ("tensordot", xp.tensordot(ours(a), ours(b[0]), axes=1), np.tensordot(a, b[0], 1)),
                ("linalg.tensordot", l.tensordot(ours(a[0]), ours(b[0]), axes=0), np.tensordot(a[0], b[0], 0)),
                ("vecdot", xp.vecdot(ours(a), ours(a)), (a * a).sum(-1)), ("linalg.vecdot", l.vecdot(ours(a), ours(a), axis=0),
                                                                            (a * a).sum(0)),
                ("linalg.cholesky", l.cholesky(ours(spd)), np_l.cholesky(spd)),
                ("linalg.cholesky", l.cholesky(ours(spd), upper=True), np_l.cholesky(spd).swapaxes(1, 2)),
                ("linalg.cross", l.cross(ours(a), ours(spd)), np.cross(a, spd)),
                ("linalg.det", l.det(ours(a)), np_l.det(a)), ("linalg.inv", l.inv(ours(spd)), np_l.inv(spd)),
                ("linalg.eigvalsh", l.eigvalsh(ours(spd)), np_l.eigvalsh(spd)),
                ("linalg.eigh", l.eigh(ours(spd)).eigenvalues, np_l.eigh(spd)[0]),
                ("linalg.matrix_power", l.matrix_power(ours(a), 5), np_l.matrix_power(a, 5)),
                ("linalg.matrix_power", l.matrix_power(ours(spd), -2), np_l.matrix_power(spd, -2)),
                ("linalg.matrix_rank", l.matrix_rank(ours(np.ones((3, 4)))), np.asarray(1)),
                ("linalg.outer", l.outer(ours(a[0, 0]), ours(b[0, 0])), np.outer(a[0, 0], b[0, 0])),
                ("linalg.pinv", l.pinv(ours(b)), np_l.pinv(b)), ("linalg.svdvals", l.svdvals(ours(b)), np_l.svd(b)[1]),
                ("linalg.svd", l.svd(ours(b), full_matrices=False).S, np_l.svd(b)[1]),
                ("linalg.solve", l.solve(ours(spd), ours(b)), np_l.solve(spd, b)),
                ("linalg.solve", l.solve(ours(spd[0]), ours(b[0, :, 0])), np_l.solve(spd[0], b[0, :, 0])),
                ("linalg.slogdet", l.slogdet(ours(a)).logabsdet, np_l.slogdet(a)[1])):
            self.same(found, wanted, name, 1e-8)
        q, r = l.qr(ours(b))
        self.same(xp.matmul(q, r), b, "linalg.qr", 1e-8)
        for offset in (-3, -1, 0, 2, 4):
            self.same(l.diagonal(ours(b), offset=offset), np.diagonal(b, offset, 1, 2), "linalg.diagonal")
            self.same(l.trace(ours(b), offset=offset), np.trace(b, offset, 1, 2), "linalg.trace")
        for order in (0, 1, 2, 3, 0.5, np.inf, -np.inf):
            self.same(l.vector_norm(ours(a), axis=1, ord=order), np_l.norm(a, order, 1), "linalg.vector_norm", 1e-8)
        for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
            self.same(l.matrix_norm(ours(b), ord=order, keepdims=True),
                      np_l.norm(b, order, (1, 2), keepdims=True), "linalg.matrix_norm", 1e-8)

    def test_fourier(self):
        x = random.uniform(-1, 1, (3, 4))
        self.same(xp.fft.fftfreq(7, d=0.5), np.fft.fftfreq(7, 0.5), "fft.fftfreq")
        self.same(xp.fft.rfftfreq(7), np.fft.rfftfreq(7), "fft.rfftfreq")
        self.same(xp.fft.fftshift(ours(x)), np.fft.fftshift(x), "fft.fftshift")
        self.same(xp.fft.ifftshift(ours(x), axes=1), np.fft.ifftshift(x, 1), "fft.ifftshift")

    def test_mistakes_are_named(self):
        for call, text in ((lambda: xp.take(ours(np.ones((2, 2))), ours([0])), "x has 2 axes; name one"),
                           (lambda: xp.isdtype(xp.bool, "real"), "kind is 'real'; it can be bool, signed"),
                           (lambda: xp.linalg.cross(ours(np.ones((2, 2))), ours(np.ones((2, 2)))), "must have size 3"),
                           (lambda: xp.tensordot(ours(np.ones((2, 3))), ours(np.ones((2, 3)))[:, :2], axes=1),
                            "do not fit"),
                           (lambda: xp.asarray([1, 2], copy=False), "no memory to share")):
            with self.assertRaisesRegex(ath.errors.Error, text):
                call()

    def test_z_everything_present_was_compared(self):
        names = {n for n in dir(xp) if not n.startswith("_") and callable(getattr(xp, n)) and
                 not isinstance(getattr(xp, n), type)} | {f"{m}.{n}" for m in ("linalg", "fft")
                                                          for n in vars(getattr(xp, m))}
        self.assertEqual(sorted(names - tested), [])

    def test_the_published_table_is_true(self):
        subprocess.run([sys.executable, str(SOURCE / "tools/array-api-table"), "--check",
                        str(SOURCE / "docs/reference/array-api.md")], check=True)


if __name__ == "__main__":
    unittest.main()
