"""Recording and gradients in Python."""
import threading
import unittest

import numpy as np

import athanor as ath


class Autograd(unittest.TestCase):
    def test_gradients_of_gradients(self):
        x = ath.tensor([1.0, 2, 3], dtype=ath.float64, requires_grad=True)
        (first,) = ath.grad((x ** 3).sum(), [x], create_graph=True)
        second = ath.grad(first.sum(), x)
        np.testing.assert_allclose(first.detach().numpy(), [3, 12, 27])
        np.testing.assert_allclose(second.numpy(), [6, 12, 18])
        self.assertIsNone(x.grad)

    def test_backward_adds_up(self):
        x = ath.tensor([2.0], requires_grad=True)
        for _ in range(3):
            (x * x).backward()
        self.assertEqual(x.grad.tolist(), [12])
        x.grad = None
        self.assertIsNone(x.grad)

    def test_a_gradient_for_several_elements(self):
        x = ath.tensor([1.0, 2], requires_grad=True)
        (x * x).backward(ath.tensor([1.0, 10]))
        self.assertEqual(x.grad.tolist(), [2, 40])

    def test_no_grad_as_context_and_decorator(self):
        x = ath.ones(2).requires_grad_()
        with ath.no_grad():
            self.assertFalse((x * 2).requires_grad)
            with ath.enable_grad():
                self.assertTrue((x * 2).requires_grad)
        self.assertTrue((x * 2).requires_grad)

        @ath.no_grad()
        def double(t):
            """Doubles."""
            return t * 2
        self.assertFalse(double(x).requires_grad)
        self.assertEqual(double.__doc__, "Doubles.")
        self.assertTrue(ath.is_grad_enabled())

    def test_an_error_inside_no_grad_turns_recording_on_again(self):
        with self.assertRaises(ZeroDivisionError), ath.no_grad():
            1 / 0  # noqa: B018
        self.assertTrue(ath.is_grad_enabled())

    def test_what_does_not_depend_has_no_gradient(self):
        x, y = ath.ones(2).requires_grad_(), ath.ones(2).requires_grad_()
        self.assertIsNone(ath.grad(x.sum(), [x, y])[1])

    def test_threads_train_side_by_side_and_get_the_same(self):
        def train(out, place):
            ath.manual_seed(5)
            model = ath.nn.Sequential(ath.nn.Linear(8, 16), ath.nn.Tanh(), ath.nn.Linear(16, 1))
            opt = ath.optim.Adam(model.parameters(), lr=1e-2)
            x = ath.randn((32, 8))
            y = x.sum(axis=1, keepdims=True)
            for _ in range(60):
                loss = ath.nn.functional.mse_loss(model(x), y)
                opt.zero_grad()
                loss.backward()
                opt.step()
            out[place] = loss.item()
        results = [None] * 6
        threads = [threading.Thread(target=train, args=(results, i)) for i in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(set(results)), 1, results)
        self.assertLess(results[0], 5)

    def test_ten_thousand_steps_leave_the_memory_flat(self):
        def resident():
            with open("/proc/self/status", encoding="ascii") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        model = ath.nn.Linear(32, 32)
        opt = ath.optim.SGD(model.parameters(), lr=1e-3)
        x = ath.randn((16, 32))

        def steps(count):
            for _ in range(count):
                loss = (model(x) - ath.from_numpy(x.numpy()[::-1])).square().mean()
                opt.zero_grad()
                loss.backward()
                opt.step()
        steps(500)
        nodes, before = ath._c._live_nodes(), resident()
        steps(10_000)
        self.assertEqual(ath._c._live_nodes(), nodes)
        self.assertLess(resident() - before, 4096, "KiB more after 10,000 steps")


if __name__ == "__main__":
    unittest.main()
