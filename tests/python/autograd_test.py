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



class Cube(ath.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x * x * x * scale

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3 * x * x * ctx.scale, None


class NumpySinCos(ath.autograd.Function):
    """Two outputs, made by NumPy; the gradient reads the outputs."""

    @staticmethod
    def forward(ctx, x):
        s, c = ath.from_numpy(np.sin(x.detach().numpy())), ath.from_numpy(np.cos(x.detach().numpy()))
        ctx.save_for_backward(s, c)
        return s, c

    @staticmethod
    def backward(ctx, ds, dc):
        s, c = ctx.saved_tensors
        return ds * c - dc * s


class Broken(ath.autograd.Function):
    @staticmethod
    def forward(ctx, x, answer):
        ctx.answer = answer
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        if isinstance(ctx.answer, str):
            raise KeyError("my own mistake")
        return ctx.answer


class Functions(unittest.TestCase):
    x = ath.tensor([0.5, -1.5, 2.0], dtype=ath.float64, requires_grad=True)

    def test_custom_ops_have_gradients_of_gradients(self):
        self.assertTrue(ath.autograd.check_gradients(lambda x: Cube.apply(x, 0.5), self.x, second=True))
        self.assertTrue(ath.autograd.check_gradients(NumpySinCos.apply, self.x, second=True))

    def test_a_custom_op_frees_what_it_kept(self):
        before = ath._athanor._live_nodes()
        for _ in range(20):
            x = ath.ones(1000).requires_grad_()
            Cube.apply(Cube.apply(x, 2.0), 1.0).sum().backward()
        self.assertEqual(ath._athanor._live_nodes(), before)

    def test_mistakes_in_a_custom_op_are_named(self):
        for answer, error, text in (
                ((ath.ones(3),) * 3, ath.errors.ValueError, "returned 3 gradients, and forward had 2"),
                ((ath.ones(2), None), ath.errors.ShapeError, r"backward returned f32\[2\] for input 0"),
                ("raise", KeyError, "my own mistake")):
            with self.assertRaisesRegex(error, text):
                Broken.apply(ath.ones(3).requires_grad_(), answer).sum().backward()

    def test_hooks_see_and_change_gradients(self):
        x, seen = ath.tensor([1.0, 2], requires_grad=True), []
        handle = x.register_hook(lambda g: seen.append(g.tolist()))
        y = x * 3
        with y.register_hook(lambda g: g * 10):
            (y * y).sum().backward()
        self.assertEqual((seen, x.grad.tolist()), ([[180, 360]], [180, 360]))
        handle.remove()
        (x * 3).sum().backward()
        self.assertEqual(len(seen), 1)
        with self.assertRaisesRegex(ValueError, "does not require a gradient"):
            ath.ones(2).register_hook(print)

    def test_anomaly_mode_names_op_and_line(self):
        x = ath.tensor([0.0, 4], requires_grad=True)
        with ath.autograd.detect_anomaly():
            with self.assertRaisesRegex(ValueError, r"log made a NaN .*autograd_test.py:\d+"):
                (x - 1).log()
            y = x.sqrt() * 0.0
            with self.assertRaisesRegex(ValueError, r"gradient of sqrt by input 0 .*autograd_test.py:\d+"):
                y.sum().backward()
        (x - 1).log()

    def test_vjp_jvp_and_jacobian(self):
        f = lambda x: (x * x).cumsum(0)  # noqa: E731
        x = ath.tensor([1.0, 2, 3])
        out, pull = ath.func.vjp(f, x)
        self.assertEqual((out.tolist(), pull(ath.ones(3)).tolist()), ([1, 5, 14], [6, 8, 6]))
        self.assertEqual(ath.func.jvp(f, x, ath.ones(3))[1].tolist(), [2, 6, 12])
        self.assertEqual(ath.func.jacobian(f, x).tolist(), [[2, 0, 0], [2, 4, 0], [2, 4, 6]])

    def test_gradients_of_each_example(self):
        ath.manual_seed(3)
        w, x, y = ath.randn((4,)), ath.randn((6, 4)), ath.randn((6,))
        loss = lambda w, x, y: ((x * w).sum() - y) ** 2  # noqa: E731
        found = ath.vmap(ath.func.grad(loss), in_axes=(None, 0, 0))(w, x, y)
        for i in range(6):
            np.testing.assert_allclose(found[i].numpy(), ath.func.grad(loss)(w, x[i], y[i]).numpy(), rtol=1e-5)
        value, grads = ath.func.value_and_grad(loss, argnums=(0, 1))(w, x[0], y[0])
        self.assertEqual([g.shape for g in grads], [(4,), (4,)])
        second = ath.func.grad(lambda a: ath.func.grad(lambda b: (b ** 3).sum())(a).sum())(x[0])
        np.testing.assert_allclose(second.numpy(), 6 * x[0].numpy(), rtol=1e-5)

    def test_vmap_of_a_network_and_its_refusals(self):
        net = ath.nn.Sequential(ath.nn.Linear(4, 8), ath.nn.ReLU(), ath.nn.Linear(8, 3))
        x = ath.randn((5, 2, 4))
        found = ath.vmap(lambda a: net(a).softmax(-1).mean(0), out_axes=1)(x)
        self.assertEqual(found.shape, (3, 5))
        with self.assertRaisesRegex(ValueError, "draws random numbers"):
            ath.vmap(lambda a: ath.nn.functional.dropout(a, 0.5))(x)
        with self.assertRaisesRegex(ValueError, r"examples on axis 0"):
            ath.vmap(lambda a, b: a + b)(x, x[:3])
        with self.assertRaisesRegex(TypeError, "argument 1 is int"):
            ath.vmap(lambda a, b: a + b)(x, 2)
        # What reads the values of one example finds none, and says so; it does not crash.
        for read in (lambda a: a.sum().item(), lambda a: a.numpy(), lambda a: a.tolist(), lambda a: a[a > 0],
                     lambda a: np.from_dlpack(a), lambda a: 1.0 in a, lambda a: bool(a.sum() > 0),
                     lambda a: a.nonzero(), lambda a: ath.nms(a, a[:, 0], 0.5)):
            with self.assertRaisesRegex(ValueError, "known|know"):
                ath.vmap(lambda a, read=read: (read(a), a)[1])(x)
        with self.assertRaisesRegex(BufferError, "are not known"):
            ath.vmap(lambda a: (memoryview(a), a)[1])(x)
        with self.assertRaisesRegex(BufferError, "has no bfloat16"):
            memoryview(x.to(ath.bfloat16))
        seen = []
        ath.vmap(lambda a: (seen.append(repr(a)), a)[1])(x)
        self.assertEqual(seen, ["tensor(of one example or a captured graph, f32[2,4])"])


if __name__ == "__main__":
    unittest.main()
