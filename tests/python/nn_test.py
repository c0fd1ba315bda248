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


if __name__ == "__main__":
    unittest.main()
