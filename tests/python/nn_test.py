"""Modules and optimisers, against PyTorch from the same weights."""
import os
import tempfile
import unittest

import numpy as np
import torch

import athanor as ath
from athanor import nn


def copied(model, other):
    """A PyTorch model with the weights of ours."""
    other.load_state_dict({k: torch.from_numpy(v.numpy().copy()) for k, v in model.state_dict().items()}, strict=False)
    return other


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.blocks = nn.ModuleList([nn.Linear(4 * 16, 8), nn.Linear(8, 3)])
        self.scale = nn.Parameter(ath.ones(1))

    def forward(self, x):
        x = nn.functional.max_pool2d(self.norm(self.conv(x)).relu(), 2).flatten()
        return self.blocks[1](self.blocks[0](x).tanh()) * self.scale


class TorchNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 4, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.blocks = torch.nn.ModuleList([torch.nn.Linear(4 * 16, 8), torch.nn.Linear(8, 3)])
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(self.norm(self.conv(x)).relu(), 2).flatten(1)
        return self.blocks[1](self.blocks[0](x).tanh()) * self.scale


class Sampling(unittest.TestCase):
    """Functions over the ops of sampling and combining, against PyTorch and NumPy."""

    def test_interpolate_and_upsample_take_the_arguments_of_the_field(self):
        x = np.random.default_rng(1).normal(size=(2, 3, 5, 4)).astype(np.float32)
        for how in ({"size": 7}, {"size": (3, 8), "mode": "bicubic"}, {"scale_factor": 1.5, "mode": "bilinear"},
                    {"scale_factor": (2.0, 0.5)}):
            judge = torch.nn.functional.interpolate(torch.from_numpy(x), **how).numpy()
            np.testing.assert_allclose(nn.functional.interpolate(ath.tensor(x), **how).numpy(), judge, atol=1e-5)
            np.testing.assert_allclose(nn.Upsample(**how)(ath.tensor(x)).numpy(), judge, atol=1e-5)
        for wrong in ({}, {"size": 3, "scale_factor": 2}):
            with self.assertRaisesRegex(ath.errors.ValueError, "either size or scale_factor"):
                nn.functional.interpolate(ath.tensor(x), **wrong)
        with self.assertRaisesRegex(ath.errors.ValueError, "has 3 numbers"):
            nn.functional.interpolate(ath.tensor(x), scale_factor=(1, 2, 3))

    def test_grids_take_the_arguments_of_the_field(self):
        random = np.random.default_rng(2)
        theta, x = random.normal(size=(2, 2, 3)).astype(np.float32), random.normal(size=(2, 3, 5, 4)).astype(np.float32)
        grid = torch.nn.functional.affine_grid(torch.from_numpy(theta), (2, 3, 4, 6), False)
        ours = nn.functional.affine_grid(ath.tensor(theta), (2, 3, 4, 6))
        np.testing.assert_allclose(ours.numpy(), grid.numpy(), atol=1e-5)
        judge = torch.nn.functional.grid_sample(torch.from_numpy(x), grid, "bicubic", "reflection", False).numpy()
        np.testing.assert_allclose(nn.functional.grid_sample(ath.tensor(x), ours, "bicubic", "reflection").numpy(), judge,
                                   atol=1e-4)

    def test_combining_functions_agree_with_numpy(self):
        random = np.random.default_rng(3)
        a, b = random.normal(size=(3, 4)).astype(np.float32), random.normal(size=(4, 2)).astype(np.float32)
        np.testing.assert_allclose(ath.einsum("ij,jk->ki", ath.tensor(a), ath.tensor(b)).numpy(), (a @ b).T, rtol=1e-5)
        with self.assertRaisesRegex(TypeError, "the equation comes first"):
            ath.einsum(ath.tensor(a), "ij")
        for offset in (-2, 0, 3):
            np.testing.assert_array_equal(ath.diag(ath.tensor(a[0]), offset).numpy(), np.diag(a[0], offset))
            np.testing.assert_array_equal(ath.diag(ath.tensor(a), offset).numpy(), np.diag(a, offset))
        for indexing in ("ij", "xy"):
            ours = ath.meshgrid(ath.tensor(a[0]), ath.tensor(b[0]), ath.tensor(a[1]), indexing=indexing)
            for one, judge in zip(ours, np.meshgrid(a[0], b[0], a[1], indexing=indexing)):
                np.testing.assert_array_equal(one.numpy(), judge)
        whole = random.integers(0, 5, 20)
        np.testing.assert_array_equal(ath.bincount(ath.tensor(whole), minlength=9).numpy(),
                                      np.bincount(whole, minlength=9))
        with self.assertRaisesRegex(ath.errors.ValueError, "it must not be negative"):
            ath.bincount(ath.tensor([1, -1]))
        edges = np.array([-1, 0, 0.5], np.float32)
        for right in (False, True):
            np.testing.assert_array_equal(
                ath.bucketize(ath.tensor(a), ath.tensor(edges), right).numpy(),
                torch.bucketize(torch.from_numpy(a), torch.from_numpy(edges), right=right).numpy())
        for how in ({"bins": 4}, {"bins": 5, "min": -1, "max": 1}):
            np.testing.assert_array_equal(ath.histc(ath.tensor(a), **how).numpy(),
                                          torch.histc(torch.from_numpy(a), **how).numpy())


class Modules(unittest.TestCase):
    def test_names_state_and_text(self):
        net = Net()
        self.assertEqual([n for n, _ in net.named_parameters()],
                         ["scale", "conv.weight", "conv.bias", "norm.weight", "norm.bias", "blocks.0.weight",
                          "blocks.0.bias", "blocks.1.weight", "blocks.1.bias"])
        self.assertEqual([n for n, _ in net.named_buffers()], ["norm.running_mean", "norm.running_var"])
        self.assertEqual(set(net.state_dict()),
                         {k for k in TorchNet().state_dict() if not k.endswith("num_batches_tracked")})
        self.assertIn("(0): Linear(64, 8)", repr(net))
        self.assertIs(net.eval().blocks.training, False)

    def test_a_shared_parameter_comes_once_and_stays_shared(self):
        class Tied(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed, self.out = nn.Embedding(7, 4), nn.Linear(4, 7, bias=False)
                self.out.weight = self.embed.weight

            def forward(self, i):
                return self.out(self.embed(i))
        model = Tied()
        self.assertEqual([n for n, _ in model.named_parameters()], ["embed.weight"])
        opt = ath.optim.SGD(model.parameters(), lr=0.1)
        model(ath.tensor([1, 2])).sum().backward()
        opt.step()
        np.testing.assert_array_equal(model.embed.weight.detach().numpy(), model.out.weight.detach().numpy())

    def test_initial_values_are_a_function_of_seed_and_name(self):
        a, b = Net().initialize(4), Net().initialize(4)
        for (name, x), (_, y) in zip(a.named_parameters(), b.named_parameters()):
            self.assertEqual(x.tolist(), y.tolist(), name)
        self.assertNotEqual(a.conv.weight.tolist(), Net().initialize(5).conv.weight.tolist())
        first = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
        self.assertNotEqual(first[0].weight.tolist(), first[1].weight.tolist())

    def test_load_state_dict_says_everything_that_does_not_fit(self):
        net = Net()
        state = {k: v.clone() for k, v in net.state_dict().items()}
        before = net.scale.item()
        state["scale"] = ath.zeros(1)
        state["conv.bias"] = ath.zeros(5)
        state["extra"] = state.pop("norm.weight")
        with self.assertRaises(ath.errors.ValueError) as caught:
            net.load_state_dict(state)
        for part in ("missing: norm.weight", "unexpected: extra", "conv.bias (5, expected 4)", "Net"):
            self.assertIn(part, str(caught.exception))
        self.assertEqual(net.scale.item(), before)
        state["conv.bias"] = ath.zeros(4)
        self.assertEqual(net.load_state_dict(state, strict=False), (["norm.weight"], ["extra"]))
        self.assertEqual(net.scale.item(), 0)

    def test_save_and_load(self):
        net, other = Net(), Net()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "net.safetensors")
            ath.save(path, net.state_dict(), {"epoch": 3})
            other.load_state_dict(ath.load(path))
            torch.save(TorchNet().state_dict(), os.path.join(folder, "net.pth"))
            other.load_state_dict(ath.load(os.path.join(folder, "net.pth")))
            with self.assertRaisesRegex(TypeError, "only tensors are saved"):
                ath.save(path, {"lr": 0.1})

    def test_hooks(self):
        layer, seen = nn.Linear(2, 2), []
        handle = layer.register_forward_hook(lambda m, inputs, out: seen.append(out.shape) or out * 0)
        self.assertEqual(layer(ath.ones((1, 2))).tolist(), [[0, 0]])
        handle.remove()
        layer.register_forward_pre_hook(lambda m, inputs: (inputs[0] * 0,))
        self.assertEqual(layer(ath.ones((1, 2))).tolist(), [layer.bias.tolist()])
        self.assertEqual(seen, [(1, 2)])

    def test_dropout_trains_and_evaluates(self):
        layer, x = nn.Dropout(0.5), ath.ones(1000)
        ath.manual_seed(0)
        y = layer(x).numpy()
        self.assertEqual(set(y.tolist()), {0, 2})
        self.assertAlmostEqual(y.mean(), 1, delta=0.1)
        self.assertIs(layer.eval()(x), x)


class Transformers(unittest.TestCase):
    def test_a_layer_has_pytorchs_values_and_gradients(self):
        for norm_first in (False, True):
            ours = nn.TransformerEncoderLayer(16, 4, 32, 0.0, "gelu", norm_first=norm_first)
            judge = copied(ours, torch.nn.TransformerEncoderLayer(16, 4, 32, 0.0, "gelu", batch_first=True,
                                                                  norm_first=norm_first))
            x = np.random.default_rng(0).standard_normal((2, 5, 16)).astype(np.float32)
            hidden = torch.ones(5, 5).triu(1).bool()
            y, expected = ours(ath.tensor(x), is_causal=True), judge(torch.from_numpy(x), src_mask=hidden)
            np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), atol=2e-6)
            y.square().sum().backward()
            expected.square().sum().backward()
            for (name, p), (_, q) in zip(sorted(ours.named_parameters()), sorted(judge.named_parameters())):
                np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-3, atol=2e-4, err_msg=name)

    def test_cross_attention(self):
        ours = nn.MultiheadAttention(8, 2)
        judge = copied(ours, torch.nn.MultiheadAttention(8, 2, batch_first=True))
        random = np.random.default_rng(1)
        q, k = (random.standard_normal((2, n, 8)).astype(np.float32) for n in (3, 6))
        np.testing.assert_allclose(ours(ath.tensor(q), ath.tensor(k)).detach().numpy(),
                                   judge(*map(torch.from_numpy, (q, k, k)))[0].detach().numpy(), atol=1e-6)

    def test_dropout_of_attention_follows_the_scope(self):
        layer, x = nn.MultiheadAttention(8, 2, dropout=0.5), ath.randn((2, 9, 8))
        with ath.random_scope(0, 1):
            first = layer(x).tolist()
        with ath.random_scope(0, 1):
            self.assertEqual(layer(x).tolist(), first)
        with ath.random_scope(0, 2):
            self.assertNotEqual(layer(x).tolist(), first)

    def test_an_encoder_learns(self):
        ath.manual_seed(0)
        model = nn.Sequential(nn.Embedding(11, 16), nn.TransformerEncoder(
            lambda: nn.TransformerEncoderLayer(16, 2, 32, 0.0, norm_first=True), 2, nn.LayerNorm(16)), nn.Linear(16, 11))
        opt = ath.optim.AdamW(model.parameters(), lr=5e-3)
        x = ath.randint(0, 11, (32, 8))
        for _ in range(80):
            loss = nn.functional.cross_entropy(model(x).reshape(-1, 11), x.reshape(-1))
            opt.zero_grad()
            loss.backward()
            opt.step()
        self.assertLess(loss.item(), 0.05)


class Training(unittest.TestCase):
    def curves(self, make, torch_make, steps=50, **how):
        ath.manual_seed(1)
        net = Net()
        judge = copied(net, TorchNet())
        opt, other = make(net.parameters(), **how), torch_make(judge.parameters(), **how)
        random = np.random.default_rng(0)
        for step in range(steps):
            x = random.standard_normal((16, 1, 8, 8)).astype(np.float32)
            y = (x.mean((1, 2, 3)) * 10).round().clip(-1, 1).astype(np.int64) + 1
            loss = nn.functional.cross_entropy(net(ath.tensor(x)), ath.tensor(y))
            opt.zero_grad()
            loss.backward()
            opt.step()
            expected = torch.nn.functional.cross_entropy(judge(torch.from_numpy(x)), torch.from_numpy(y))
            other.zero_grad()
            expected.backward()
            other.step()
            self.assertAlmostEqual(loss.item() / expected.item(), 1, delta=1e-4, msg=f"step {step}")
        np.testing.assert_allclose(net.norm.running_var.numpy(), judge.norm.running_var.numpy(), rtol=1e-3)

    def test_sgd_has_pytorchs_loss_curve(self):
        self.curves(ath.optim.SGD, torch.optim.SGD, lr=0.05, momentum=0.9, weight_decay=1e-3, nesterov=True)

    def test_adam_has_pytorchs_loss_curve(self):
        self.curves(ath.optim.Adam, torch.optim.Adam, steps=20, lr=1e-3, weight_decay=1e-3)

    def test_adamw_has_pytorchs_loss_curve(self):
        self.curves(ath.optim.AdamW, torch.optim.AdamW, steps=20, lr=1e-3, weight_decay=0.1)

    def test_rmsprop_and_adagrad_have_pytorchs_loss_curve(self):
        self.curves(ath.optim.RMSprop, torch.optim.RMSprop, steps=15, lr=1e-3, momentum=0.5, centered=True)
        self.curves(ath.optim.Adagrad, torch.optim.Adagrad, steps=30, lr=1e-2, weight_decay=0.01)

    def test_lion_brings_a_loss_down(self):
        ath.manual_seed(0)
        layer, schedule = nn.Linear(4, 1), ath.optim.Schedule("linear", base=0.03, total_steps=300)
        opt = ath.optim.Lion(layer.parameters())
        x = ath.randn((64, 4))
        y = x.sum(axis=1, keepdims=True)
        for step in range(300):
            loss = nn.functional.mse_loss(layer(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step(lr=schedule(step))
        self.assertLess(loss.item(), 1e-3)

    def test_a_plateau_brings_the_rate_down_and_has_a_state(self):
        plateau = ath.optim.Plateau(0.4, factor=0.5, patience=1)
        self.assertEqual([plateau.report(m) for m in (1, 0.5, 0.6, 0.6, 0.4)], [0.4, 0.4, 0.4, 0.2, 0.2])
        self.assertEqual((plateau.best, plateau.reports, plateau.lr), (0.4, 5, 0.2))

    def test_groups_have_their_own_rate_and_decay(self):
        a, b = nn.Parameter(ath.ones(2)), nn.Parameter(ath.ones(2))
        opt = ath.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.01, "weight_decay": 1.0}], lr=0.1)
        (a.sum() + b.sum()).backward()
        opt.step()
        np.testing.assert_allclose(a.tolist(), [0.9, 0.9], rtol=1e-6)
        np.testing.assert_allclose(b.tolist(), [0.98, 0.98], rtol=1e-6)

    def test_a_resumed_training_has_the_same_bits(self):
        def train(net, opt, begin, end):
            for step in range(begin, end):
                with ath.random_scope(0, step):
                    x = ath.randn((8, 1, 8, 8))
                loss = net(x).square().mean()
                opt.zero_grad()
                loss.backward()
                opt.clip_grad_norm(1.0)
                opt.step(lr=ath.optim.Schedule("cosine", base=0.01, total_steps=20)(step))
            return net
        whole = Net().initialize(1)
        whole = train(whole, ath.optim.AdamW(whole.named_parameters()), 0, 20).state_dict()
        net = Net().initialize(1)
        opt = ath.optim.AdamW(net.named_parameters())
        train(net, opt, 0, 9)
        with tempfile.TemporaryDirectory() as folder:
            ath.save(f"{folder}/net.safetensors", net.state_dict())
            ath.save(f"{folder}/opt.safetensors", opt.state_dict())
            fresh = Net()
            fresh.load_state_dict(ath.load(f"{folder}/net.safetensors"))
            again = ath.optim.AdamW(fresh.named_parameters())
            again.load_state_dict(ath.load(f"{folder}/opt.safetensors"))
        train(fresh, again, 9, 20)
        for name, value in fresh.state_dict().items():
            self.assertEqual(bytes(memoryview(value)), bytes(memoryview(whole[name])), name)



class AgainstTorch(unittest.TestCase):
    """Layers with PyTorch's parameters give its outputs."""

    @classmethod
    def setUpClass(cls):
        import torch
        cls.torch = torch
        torch.manual_seed(5)

    def check(self, name, arguments, shape, tolerance=1e-5, **options):
        judge = getattr(self.torch.nn, name)(*arguments, **options)
        layer = getattr(nn, name)(*arguments, **options)
        layer.load_state_dict({n: ath.from_numpy(t.numpy()) for n, t in judge.state_dict().items()
                               if t.dtype == self.torch.float32})
        x = self.torch.randn(*shape)
        for training in (True, False):
            judge.train(training), layer.train(training)
            found, wanted = layer(ath.from_numpy(x.numpy())), judge(x)
            np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=tolerance, atol=tolerance,
                                       err_msg=name)

    def test_layers(self):
        for name, arguments, shape, options in (
                ("Conv1d", (4, 6, 3), (2, 4, 9), dict(stride=2, padding=1, groups=2)),
                ("Conv3d", (2, 3, 2), (2, 2, 4, 5, 4), dict(padding=1)),
                ("ConvTranspose1d", (4, 6, 3), (2, 4, 5), dict(stride=2, output_padding=1)),
                ("ConvTranspose2d", (4, 6, 3), (2, 4, 5, 4), dict(stride=2, padding=1)),
                ("ConvTranspose3d", (2, 3, 2), (1, 2, 3, 3, 3), dict(stride=2)),
                ("MaxPool1d", (2,), (2, 3, 8), {}), ("MaxPool3d", (2,), (1, 2, 4, 4, 6), {}),
                ("AvgPool1d", (3, 2, 1), (2, 3, 8), {}), ("AvgPool3d", (2,), (1, 2, 4, 4, 6), {}),
                ("AdaptiveMaxPool2d", ((2, 3),), (2, 3, 7, 5), {}), ("Upsample", ((5, 9),), (1, 2, 3, 4), {}),
                ("BatchNorm1d", (4,), (6, 4), {}), ("BatchNorm1d", (4,), (6, 4, 3), {}),
                ("BatchNorm3d", (3,), (2, 3, 2, 3, 2), {}), ("GroupNorm", (2, 4), (3, 4, 5), {}),
                ("InstanceNorm2d", (3,), (2, 3, 4, 5), {}), ("InstanceNorm1d", (3,), (2, 3, 6), dict(affine=True)),
                ("PReLU", (3,), (2, 3, 4), {}), ("ELU", (0.7,), (2, 3), {}), ("GLU", (), (2, 6), {}), ("SELU", (), (9,), {}),
                ("Softplus", (), (9,), {}), ("LogSoftmax", (-1,), (3, 4), {})):
            with self.subTest(layer=name):
                self.check(name, arguments, shape, **options)

    def test_transformer_decoder_layer(self):
        torch = self.torch
        for first in (False, True):
            judge = torch.nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True, norm_first=first)
            layer = nn.TransformerDecoderLayer(8, 2, 16, 0.0, norm_first=first)
            layer.load_state_dict({n: ath.from_numpy(t.numpy()) for n, t in judge.state_dict().items()})
            x, memory = torch.randn(2, 5, 8), torch.randn(2, 7, 8)
            mask = torch.ones(5, 5).triu(1).bool()
            found = layer(ath.from_numpy(x.numpy()), ath.from_numpy(memory.numpy()), is_causal=True)
            np.testing.assert_allclose(found.detach().numpy(), judge(x, memory, mask).detach().numpy(), rtol=1e-4, atol=1e-5)
        stack = nn.TransformerDecoder(lambda: nn.TransformerDecoderLayer(8, 2, 16), 2, nn.LayerNorm(8)).eval()
        self.assertEqual(stack(ath.randn((1, 3, 8)), ath.randn((1, 4, 8))).shape, (1, 3, 8))

    def test_losses_take_ignored_classes_and_soft_targets(self):
        torch, f = self.torch, nn.functional
        x, t = torch.randn(6, 4), torch.tensor([1, -100, 0, 3, -100, 2])
        w = torch.rand(4) + 0.5
        a, b, c = (ath.from_numpy(v.numpy()) for v in (x, t, w))
        F = torch.nn.functional
        for options in (dict(), dict(label_smoothing=0.1), dict(reduction="sum"), dict(reduction="none")):
            for weight in (False, True):
                found = f.cross_entropy(a, b, c if weight else None, ignore_index=-100, **options)
                wanted = F.cross_entropy(x, t, w if weight else None, **options)
                if weight and options.get("label_smoothing"):
                    continue  # PyTorch weighs the smoothed part by class
                np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-6)
        soft = torch.rand(6, 4).softmax(-1)
        np.testing.assert_allclose(f.cross_entropy(a, ath.from_numpy(soft.numpy())).item(), F.cross_entropy(x, soft).item(),
                                   rtol=1e-5)
        with self.assertRaisesRegex(IndexError, "target -100 in row 1 is outside"):
            f.cross_entropy(a, b)

    def test_ctc_has_pytorchs_gradient_of_the_logits(self):
        torch = self.torch
        x = torch.randn(8, 3, 5, requires_grad=True)
        targets, lengths, wanted = torch.randint(1, 5, (3, 3)), torch.tensor([8, 7, 6]), torch.tensor([3, 1, 0])
        torch.nn.functional.ctc_loss(x.log_softmax(-1), targets, lengths, wanted).backward()
        mine = ath.from_numpy(x.detach().numpy()).clone().requires_grad_()
        nn.CTCLoss()(mine.log_softmax(-1), *(ath.from_numpy(v.numpy()) for v in (targets, lengths, wanted))).backward()
        np.testing.assert_allclose(mine.grad.numpy(), x.grad.numpy(), rtol=1e-4, atol=1e-6)

    def test_roi_align_is_torchvisions(self):
        import torchvision
        torch = self.torch
        x = torch.randn(2, 3, 9, 8)
        boxes = torch.tensor([[0.3, 0.7, 5.9, 6.2], [1.1, -2.0, 9.1, 3.3], [2.0, 2.0, 2.5, 2.2]])
        batch = torch.tensor([0, 1, 1])
        rois = torch.cat((batch[:, None].float(), boxes), 1)
        for aligned in (True, False):
            wanted = torchvision.ops.roi_align(x, rois, (3, 2), 0.9, 2, aligned)
            found = nn.functional.roi_align(ath.from_numpy(x.numpy()), ath.from_numpy(boxes.numpy()),
                                            ath.from_numpy(batch.numpy()), (3, 2), 0.9, 2, aligned)
            np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-4, atol=1e-5)

    def test_affine_grid_and_sampling(self):
        torch = self.torch
        theta, x = torch.randn(2, 2, 3) * 0.5, torch.randn(2, 3, 5, 6)
        for corners in (True, False):
            grid = torch.nn.functional.affine_grid(theta, (2, 3, 4, 7), corners)
            mine = nn.functional.affine_grid(ath.from_numpy(theta.numpy()), (2, 3, 4, 7), corners)
            np.testing.assert_allclose(mine.numpy(), grid.numpy(), rtol=1e-5, atol=1e-5)

    def test_einsum_is_numpys(self):
        random = np.random.default_rng(1)
        a, b, c = random.normal(size=(3, 4)), random.normal(size=(4, 5)), random.normal(size=(5, 3))
        d, e = random.normal(size=(2, 3, 4)), random.normal(size=(2, 4, 3))
        s = random.normal(size=(3, 3))
        for equation, operands in (
                ("ij,jk->ik", (a, b)), ("ij,jk,kl->il", (a, b, c)), ("ij,jk,ki->", (a, b, c)), ("ij,jk", (a, b)),
                ("bij,bjk->bik", (d, e)), ("...ij,...jk->...ik", (d, e)), ("ii->i", (s,)), ("ii", (s,)), ("ij->ji", (a,)),
                ("ij->", (a,)), ("i,j->ij", (a[0], b[0])), ("bij,bij->b", (d, d)), ("...i->...", (d,)), ("ij,ij->ij", (a, a)),
                ("bii->bi", (random.normal(size=(2, 3, 3)),)), ("i...,i->...", (a, a[:, 0])), ("ij,kl->ijkl", (a, b)),
                (" i j , j k -> k i ", (a, b)), ("ba,cb", (a, c))):
            found = ath.einsum(equation, *(ath.from_numpy(x) for x in operands))
            np.testing.assert_allclose(found.numpy(), np.einsum(equation, *operands), rtol=1e-10, atol=1e-12, err_msg=equation)
        x = ath.from_numpy(a).clone().requires_grad_()
        ath.einsum("ij,ij->", x, x).backward()
        np.testing.assert_allclose(x.grad.numpy(), 2 * a)
        for equation, operands, text in (("ij,jk->ik", (a,), '"ij,jk->ik" has 2 terms before the arrow for 1 operands'),
                                         ("ij->ik", (a,), "k"), ("ij,jk->ik", (a, a), "j"), ("ijk->i", (a,), "ijk"),
                                         ("i1->i", (a,), "1"), ("ij->ii", (a,), "i"), ("i.j->i", (a,), "i.j")):
            with self.assertRaisesRegex(ath.errors.Error, "^einsum: .*" + text):
                ath.einsum(equation, *(ath.from_numpy(x) for x in operands))


if __name__ == "__main__":
    unittest.main()
