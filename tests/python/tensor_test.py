"""Tensors in Python: makers, conversion, operators and indexing, against NumPy."""
import copy
import pickle
import unittest

import numpy as np
import torch

import athanor as ath


class Makers(unittest.TestCase):
    def test_the_dtype_follows_the_data(self):
        for data, dtype in (([1, 2], ath.int64), ([1.0, 2], ath.float32), ([True], ath.bool_), (3, ath.int64),
                            (2.5, ath.float32), (np.float64(1), ath.float64), (np.arange(3, dtype=np.int32), ath.int32)):
            self.assertEqual(ath.tensor(data).dtype, dtype, data)
        self.assertEqual(ath.tensor([1, 2], dtype=ath.bfloat16).dtype, ath.bfloat16)

    def test_makers_agree_with_numpy(self):
        for ours, theirs in ((ath.arange(5), np.arange(5)), (ath.arange(1, 2, 0.25), np.arange(1, 2, 0.25)),
                             (ath.linspace(0, 1, 5), np.linspace(0, 1, 5)), (ath.eye(3), np.eye(3)),
                             (ath.full((2, 2), 7), np.full((2, 2), 7)), (ath.zeros(3), np.zeros(3)),
                             (ath.ones_like(ath.zeros((2, 1))), np.ones((2, 1)))):
            np.testing.assert_array_equal(ours.numpy(), theirs)

    def test_random_numbers_are_a_function_of_the_seed(self):
        ath.manual_seed(3)
        first = [ath.rand(5).tolist(), ath.randn((2, 2)).tolist(), ath.randperm(6).tolist()]
        ath.manual_seed(3)
        self.assertEqual(first, [ath.rand(5).tolist(), ath.randn((2, 2)).tolist(), ath.randperm(6).tolist()])
        self.assertEqual(sorted(first[2]), list(range(6)))
        numbers = ath.randint(2, 5, 2000).numpy()
        self.assertEqual(sorted(set(numbers.tolist())), [2, 3, 4])

    def test_a_random_scope_does_not_depend_on_what_ran_before(self):
        with ath.random_scope(1, 7):
            first = ath.rand(4).tolist()
        ath.rand(3)
        with ath.random_scope(1, 7):
            self.assertEqual(ath.rand(4).tolist(), first)
        with ath.random_scope(1, 8):
            self.assertNotEqual(ath.rand(4).tolist(), first)


class Conversion(unittest.TestCase):
    def test_numpy_shares_the_memory_both_ways(self):
        array = np.arange(6, dtype=np.float32).reshape(2, 3)
        x = ath.from_numpy(array)
        array[0, 0] = 9
        self.assertEqual(x[0, 0].item(), 9)
        view = x.numpy()
        view[1, 2] = -1
        self.assertEqual(array[1, 2], -1)
        self.assertTrue(np.shares_memory(view, array))

    def test_strided_memory_is_shared_too(self):
        array = np.arange(24, dtype=np.int64).reshape(4, 6)
        part = array[1::2, ::3].T
        x = ath.from_numpy(part)
        np.testing.assert_array_equal(x.numpy(), part)
        self.assertTrue(np.shares_memory(x.numpy(), array))

    def test_memory_that_cannot_be_shared_is_copied(self):
        locked = np.arange(4.0)
        locked.flags.writeable = False
        for array in (locked, np.arange(4.0)[::-1], np.arange(4, dtype=">f8")):
            x = ath.from_numpy(array)
            np.testing.assert_array_equal(x.numpy(), array)
            self.assertFalse(np.shares_memory(x.numpy(), array))

    def test_the_array_outlives_the_tensor_and_the_other_way_round(self):
        array = ath.arange(1000).numpy()
        self.assertEqual(array.sum(), 499500)
        x = ath.from_numpy(np.arange(1000))
        self.assertEqual(x.sum().item(), 499500)

    def test_methods_whose_result_depends_on_the_values(self):
        x = ath.tensor([[0, 3], [3, 0]])
        self.assertEqual(x.nonzero().tolist(), [[0, 1], [1, 0]])
        self.assertEqual(x.masked_select(x > 0).tolist(), [3, 3])
        self.assertEqual(x.unique()[0].tolist(), [0, 3])

    def test_the_buffer_protocol(self):
        x = ath.tensor([[1.0, 2], [3, 4]])
        view = memoryview(x)
        self.assertEqual((view.shape, view.format, view.tolist()), ((2, 2), "f", [[1, 2], [3, 4]]))
        self.assertEqual(bytes(memoryview(ath.tensor([1, 2], dtype=ath.uint8))), b"\x01\x02")

    def test_dlpack_both_ways_without_a_copy(self):
        array = np.arange(6.0).reshape(2, 3)
        x = ath.from_dlpack(array)
        array[0, 0] = 5
        self.assertEqual(x[0, 0].item(), 5)
        self.assertTrue(np.shares_memory(np.from_dlpack(x), array))
        t = torch.arange(12).reshape(3, 4)[:, ::2].t()
        y = ath.from_dlpack(t)
        self.assertEqual(y.tolist(), t.tolist())
        t[0, 0] = 77
        self.assertEqual(y[0, 0].item(), 77)
        self.assertEqual(torch.from_dlpack(y).data_ptr(), t.data_ptr())
        for dtype in (ath.float16, ath.bfloat16, ath.uint8, ath.int8, ath.int32):
            z = ath.ones((2, 2), dtype)
            self.assertEqual(torch.from_dlpack(z).tolist(), z.to(ath.float32).tolist())

    def test_a_dlpack_capsule_is_taken_once(self):
        class Maker:
            capsule = ath.ones(2).__dlpack__()

            def __dlpack__(self):
                return self.capsule
        maker = Maker()
        ath.from_dlpack(maker)
        with self.assertRaisesRegex(ath.errors.ValueError, "taken before"):
            ath.from_dlpack(maker)

    def test_pickle_is_refused_with_the_way_out(self):
        with self.assertRaisesRegex(pickle.PicklingError, "athanor.save"):
            pickle.dumps(ath.ones(2))

    def test_deepcopy_has_memory_of_its_own(self):
        x = ath.ones(2)
        y = copy.deepcopy(x)
        y.fill_(3)
        self.assertEqual(x.tolist(), [1, 1])

    def test_numbers_and_text(self):
        self.assertEqual(float(ath.tensor(2.5)), 2.5)
        self.assertEqual(int(ath.tensor(3)), 3)
        self.assertEqual([10, 20, 30][ath.tensor(1)], 20)
        self.assertTrue(bool(ath.tensor([1])))
        self.assertEqual(ath.tensor(1 << 60).item(), 1 << 60)
        self.assertIn("[[1., 2.]", repr(ath.tensor([[1.0, 2], [3, 4]])))
        self.assertIn("requires_grad=True", repr(ath.tensor([1.0], requires_grad=True)))
        self.assertIn("shape=(0, 3)", repr(ath.zeros((0, 3))))
        self.assertIn("bfloat16", repr(ath.ones(2, ath.bfloat16)))


class Operators(unittest.TestCase):
    def test_arithmetic_agrees_with_numpy(self):
        a, b = np.array([[1.0, -2], [3, 4]], np.float32), np.array([2.0, 5], np.float32)
        x, y = ath.tensor(a), ath.tensor(b)
        for text in ("x + y", "x - y", "x * y", "x / y", "y ** 2", "2 ** y", "1 - x", "3 / y", "x // y", "x % y", "-x",
                     "abs(x)", "x @ y", "x < y", "x >= 1", "x == y", "x != 3", "2 < x"):
            np.testing.assert_allclose(np.asarray(eval(text)), eval(text, {"x": a, "y": b, "abs": abs}), rtol=1e-6,
                                       err_msg=text)

    def test_bits_and_truth_agree_with_numpy(self):
        for a, b in ((np.array([True, False, True]), np.array([True, True, False])),
                     (np.array([6, -3, 12]), np.array([3, 1, 2]))):
            x, y = ath.tensor(a), ath.tensor(b)
            for text in ("x & y", "x | y", "x ^ y", "~x") + (("x << y", "x >> y", "x & 4") if a.dtype == int else ()):
                np.testing.assert_array_equal(eval(text).numpy(), eval(text, {"x": a, "y": b}), text)

    def test_a_number_does_not_widen_the_tensor(self):
        self.assertEqual((ath.ones(2, ath.float16) * 2.5).dtype, ath.float16)
        self.assertEqual((ath.ones(2, ath.int32) + 1).dtype, ath.int32)
        self.assertEqual((ath.ones(2, ath.int32) * 0.5).dtype, ath.float32)

    def test_numpy_leaves_the_operation_to_the_tensor(self):
        y = np.ones(2, np.float32) + ath.ones(2)
        self.assertIsInstance(y, ath.Tensor)
        self.assertEqual(y.tolist(), [2, 2])

    def test_in_place_changes_the_memory(self):
        x = ath.ones(3)
        view = x[1:]
        view += 2
        x *= 2
        self.assertEqual(x.tolist(), [2, 6, 6])

    def test_other_words_for_axes(self):
        x = ath.tensor(np.arange(6.0).reshape(2, 3))
        self.assertEqual(x.sum(axis=0, keepdims=True).shape, (1, 3))
        self.assertEqual(x.mean(dim=1, keepdim=True).shape, (2, 1))
        self.assertEqual(x.amax(axis=None).shape, ())
        with self.assertRaisesRegex(TypeError, "unexpected keyword argument 'axes_'"):
            x.sum(axes_=1)


class Indexing(unittest.TestCase):
    KEYS = [0, -1, (0, 1), (slice(None), 1), (slice(1, 3), slice(None, None, 2)), (None, 0), (Ellipsis, 1), (1, Ellipsis),
            (slice(None), None, slice(None)), slice(None, None, -1), (slice(3, 0, -2), slice(None, None, -1)),
            slice(5, 2), slice(-2, None), (Ellipsis, None), (), np.array([2, 0, -1]), [0, 0, 1],
            (slice(None), [2, 0]), (np.array([[0, 1], [2, 3]]), slice(1)), np.array([True, False, True, False]),
            (slice(None), np.array([True, False, True, False, True])),
            (np.array([0, 3]), np.array([1, -1])), (np.array([[0], [3]]), np.array([1, 2, 4])),
            (slice(None), np.array([0, 2]), np.array([1, 1])), (np.array([0, 2]), slice(None), np.array([1, 1])),
            (0, slice(None), np.array([2, 0])), (slice(None), 1, np.array([2, 0])), (np.array([1, 2]), None, 0),
            (Ellipsis, np.array([1, 0]), np.array([0, 2])), (np.arange(20).reshape(4, 5) % 3 == 1, 2),
            (np.arange(20).reshape(4, 5) % 3 == 1,)]

    def test_reading_agrees_with_numpy(self):
        array = np.arange(60).reshape(4, 5, 3)
        x = ath.tensor(array)
        for key in self.KEYS:
            np.testing.assert_array_equal(x[key].numpy(), array[key], str(key))
        mask = array % 7 == 2
        np.testing.assert_array_equal(x[ath.tensor(mask)].numpy(), array[mask])

    def test_writing_agrees_with_numpy(self):
        for key in (0, (slice(None), 1), (slice(1, 3), slice(None, None, 2)), (Ellipsis, 0), np.array([2, 0]),
                    np.arange(60).reshape(4, 5, 3) % 2 == 0, (np.array([0, 1]), np.array([2, 3])), slice(None, None, -1),
                    (slice(None), np.array([1, 4]), 0)):
            array = np.arange(60).reshape(4, 5, 3)
            x = ath.tensor(array)
            x[key] = -1
            array[key] = -1
            np.testing.assert_array_equal(x.numpy(), array, str(key))

    def test_views_share_and_picks_do_not(self):
        x = ath.zeros((3, 2))
        x[1].fill_(5)
        x[[0]].fill_(7)
        self.assertEqual(x.tolist(), [[0, 0], [5, 5], [0, 0]])

    def test_gradients_flow_through_an_index(self):
        x = ath.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
        (x[:, 1:] * x[0, 0:2] + x[ath.tensor([1, 1])].sum()).sum().backward()
        t = torch.arange(6.0, dtype=torch.float64).reshape(2, 3).requires_grad_()
        (t[:, 1:] * t[0, 0:2] + t[[1, 1]].sum()).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy())


if __name__ == "__main__":
    unittest.main()
