"""The models against plain PyTorch forms of them, through weight files in the layouts of the field."""
import os
import pathlib
import struct
import tempfile
import unittest

import numpy as np
import torch
import torch_models

import athanor as ath

DATA = pathlib.Path(os.environ.get("ATHANOR_TEST_DATA",
                                   pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "data"))


def through_file(state, kind=".pth"):
    """The state as athanor reads it from a file that PyTorch wrote."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights" + kind)
        torch.save(state, path)
        return ath.load(path)


def close(test, ours, theirs, tolerance=2e-5):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


class Models(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        ath.manual_seed(1)

    def test_bert_and_ernie_files_of_hugging_face(self):
        sizes = dict(vocabulary=50, width=32, layers=2, heads=4, hidden=64, positions=16, labels=3)
        ids, types = torch.randint(0, 50, (3, 10)), torch.randint(0, 2, (3, 10))
        mask = (torch.arange(10) < torch.tensor([10, 6, 3])[:, None]).long()
        tasks = torch.randint(0, 4, (3, 10))
        for count in (0, 4):
            judge = torch_models.Bert(tasks=count, **sizes)
            state = judge.state_dict()
            renamed = {n.replace("bert.", "ernie."): t for n, t in state.items()} if count else state
            model = ath.models.bert(tasks=count, seed=3, **sizes).eval()
            missing, unexpected = model.load_pretrained(through_file(renamed))
            self.assertEqual((missing, unexpected), ([], []))
            given = (ids, types, mask, tasks if count else None)
            ours = [None if t is None else ath.from_numpy(t.numpy()) for t in given]
            close(self, model(*ours), judge(*given))

    def test_bert_files_of_2018_and_new_heads(self):
        sizes = dict(vocabulary=50, width=32, layers=1, heads=4, hidden=64, positions=16)
        state = torch_models.Bert(labels=2, **sizes).state_dict()
        old = {n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): t
               for n, t in state.items() if not n.startswith("classifier")}
        old["cls.seq_relationship.weight"] = torch.zeros(2, 32)
        model = ath.models.bert(labels=7, **sizes)
        missing, unexpected = model.load_pretrained(through_file(old))
        self.assertEqual((missing, unexpected), (["classifier.weight", "classifier.bias"],
                                                 ["cls.seq_relationship.weight"]))
        token = ath.models.bert(head="token", labels=5, **sizes)
        self.assertEqual(token(ath.zeros((2, 4), dtype=ath.int64)).shape, (2, 4, 5))
        masked = ath.models.bert(head="masked", **sizes)
        self.assertEqual(masked(ath.zeros((2, 4), dtype=ath.int64)).shape, (2, 4, 50))
        self.assertIn("cls.predictions.bias", masked.state_dict())

    def test_bert_base_has_the_published_number_of_parameters(self):
        model = ath.models.bert(labels=2)
        encoder = sum(p.size for n, p in model.named_parameters() if n.startswith("bert."))
        self.assertEqual(encoder, 109_482_240)

    def test_gpt2_files_of_hugging_face(self):
        sizes = dict(vocabulary=60, width=32, layers=2, heads=4, positions=24)
        judge = torch_models.Gpt2(**sizes)
        state = dict(judge.state_dict())
        for i in range(2):  # buffers that stand in real files
            state[f"transformer.h.{i}.attn.bias"] = torch.ones(1, 1, 24, 24)
        state["lm_head.weight"] = state["transformer.wte.weight"]
        model = ath.models.gpt(**sizes).eval()
        self.assertEqual(model.load_pretrained(through_file(state)), ([], []))
        ids = torch.randint(0, 60, (2, 9))
        close(self, model(ath.from_numpy(ids.numpy())), judge(ids))
        with torch.no_grad():
            text = ids
            for _ in range(12):
                text = torch.cat((text, judge(text)[:, -1:].argmax(-1)), 1)
        self.assertEqual(model.generate(ath.from_numpy(ids.numpy()), 12).tolist(), text.tolist())

    def test_llama_files_of_hugging_face_and_meta(self):
        sizes = dict(vocabulary=60, width=32, layers=2, heads=4, key_heads=2, hidden=48)
        state = torch_models.llama_state(**sizes)
        ids = torch.randint(0, 60, (2, 9))
        meta = {}
        for name, t in state.items():
            for old, new in (("model.", ""), ("embed_tokens", "tok_embeddings"), ("lm_head", "output"),
                             ("self_attn.q_proj", "attention.wq"), ("self_attn.k_proj", "attention.wk"),
                             ("self_attn.v_proj", "attention.wv"), ("self_attn.o_proj", "attention.wo"),
                             ("mlp.gate_proj", "feed_forward.w1"), ("mlp.up_proj", "feed_forward.w3"),
                             ("mlp.down_proj", "feed_forward.w2"), ("input_layernorm", "attention_norm"),
                             ("post_attention_layernorm", "ffn_norm")):
                name = name.replace(old, new)
            if "rotary" not in name:
                meta[name] = t
        for weights, interleaved in ((state, False), (meta, True)):
            model = ath.models.gpt(form="llama", positions=32, tied=False, rope_interleaved=interleaved, **sizes).eval()
            self.assertEqual(model.load_pretrained(through_file(weights)), ([], []))
            close(self, model(ath.from_numpy(ids.numpy())), torch_models.llama(state, ids, 4, 2, interleaved))

    def test_vit_files_of_timm_torchvision_and_hugging_face(self):
        sizes = dict(image=32, patch=8, channels=3, width=24, layers=2, heads=3, classes=5)
        judge = torch_models.Vit(**sizes)
        x = torch.randn(2, 3, 32, 32)
        for rename in (lambda s: s, torch_models.torchvision_names, torch_models.hugging_face_vit_names):
            model = ath.models.vit(**sizes).eval()
            self.assertEqual(model.load_pretrained(through_file(rename(judge.state_dict()))), ([], []))
            close(self, model(ath.from_numpy(x.numpy())), judge(x))

    def test_lstm_classifier_reads_no_padding(self):
        judge = torch_models.LstmClassifier(40, 8, 6, 3)
        model = ath.models.lstm_classifier(vocabulary=40, width=8, hidden=6, labels=3).eval()
        self.assertEqual(model.load_pretrained(through_file(judge.state_dict())), ([], []))
        ids, lengths = torch.randint(0, 40, (4, 9)), torch.tensor([9, 4, 1, 7])
        ours = model(ath.from_numpy(ids.numpy()), ath.from_numpy(lengths.numpy()))
        close(self, ours, judge(ids, lengths))
        ids[1, 4:], ids[2, 1:] = 0, 39
        np.testing.assert_array_equal(
            model(ath.from_numpy(ids.numpy()), ath.from_numpy(lengths.numpy())).detach().numpy(), ours.detach().numpy())

    def test_llama2c_gives_the_greedy_tokens_of_a_reference_in_float64(self):
        path = DATA / "weights" / "llama2c-stories260K.bin"
        if not path.exists():
            self.fail(f"{path} is missing: set ATHANOR_TEST_DATA to the folder of test data")
        model = ath.models.load_llama2c(path)
        self.assertEqual(sum(p.size for p in model.parameters()), 260_032)
        state = {}
        for name, t in model.state_dict().items():
            for old, new in (("tokens", "model.embed_tokens"), ("layers", "model.layers"), ("query", "self_attn.q_proj"),
                             ("key", "self_attn.k_proj"), ("value", "self_attn.v_proj"),
                             ("projection", "self_attn.o_proj"), ("gate", "mlp.gate_proj"), ("up", "mlp.up_proj"),
                             ("down", "mlp.down_proj"), ("norm1", "input_layernorm"),
                             ("norm2", "post_attention_layernorm")):
                name = name.replace(old + ".", new + ".")
            state["model.norm.weight" if name == "norm.weight" else name] = torch.from_numpy(
                t.numpy().astype(np.float64))
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
        text, margin = torch.tensor([[1]]), []
        for _ in range(120):
            best = torch_models.llama(state, text, 8, 4, True)[0, -1].topk(2)
            margin.append(float(best.values[0] - best.values[1]))
            text = torch.cat((text, best.indices[None, :1]), 1)
        self.assertGreater(min(margin), 1e-3)  # float32 could otherwise choose another
        self.assertEqual(model.generate(ath.tensor([[1]]), 120).tolist(), text.tolist())

    def test_broken_llama2c_files_are_refused(self):
        good = (DATA / "weights" / "llama2c-stories260K.bin").read_bytes()
        for bytes_, text in ((b"", "too few"), (good[:5000], "truncated"), (good + b"1234", "4 bytes are left"),
                             (struct.pack("<7i", -1, 2, 3, 4, 5, 6, 7) + good[28:], "the header holds -1"),
                             (struct.pack("<7i", 64, 172, 5, 7, 4, 512, 512) + good[28:], "do not fit")):
            with tempfile.NamedTemporaryFile() as file:
                file.write(bytes_)
                file.flush()
                with self.assertRaisesRegex(ath.errors.FormatError, text):
                    ath.models.load_llama2c(file.name)

    def test_generation_with_temperature_is_a_function_of_the_seed(self):
        model = ath.models.gpt(vocabulary=30, width=16, layers=1, heads=2, positions=20, seed=1)
        start = ath.tensor([[1, 2], [3, 4]])
        texts = [model.generate(start, 15, temperature=1.0, top_k=10, seed=s).tolist() for s in (5, 5, 6)]
        self.assertEqual(texts[0], texts[1])
        self.assertNotEqual(texts[0], texts[2])
        self.assertTrue(model.training)

    def test_mistakes_are_named(self):
        for call, error, text in (
                (lambda: ath.models.bert(widht=3), TypeError, "unexpected keyword argument 'widht'; it takes head, labels"),
                (lambda: ath.models.bert(width="a"), TypeError, "bert: width cannot be 'a'"),
                (lambda: ath.models.bert(width=30, heads=4), ValueError, "width 30 must be a multiple of the 4 heads"),
                (lambda: ath.models.gpt(form="x"), ValueError, "form is 'x'; it can be gpt2 or llama"),
                (lambda: ath.models.vit(image=30), ValueError, "must be a multiple of the patches"),
                (lambda: ath.models.image_model("resnet19"), ValueError, "there is no 'resnet19'; known: "),
                (lambda: ath.models.gpt(vocabulary=9, width=8, heads=1, layers=1, positions=4)(
                    ath.zeros((1, 5), dtype=ath.int64)), ValueError, "5 tokens, the model has 4 positions"),
                (lambda: ath.models.vit(image=16, layers=1)(ath.zeros((1, 3, 8, 8))), ValueError, "resize the pictures")):
            with self.assertRaisesRegex(error, text):
                call()

    def test_training_draws_dropout_by_the_seed(self):
        def losses():
            ath.manual_seed(4)
            model = ath.models.bert(vocabulary=30, width=16, layers=1, heads=2, hidden=32, positions=8, dropout=0.3)
            optimizer = ath.optim.AdamW(model.parameters(), lr=1e-2)
            ids, labels = ath.randint(0, 30, (8, 6)), ath.randint(0, 2, (8,))
            out = []
            for _ in range(5):
                optimizer.zero_grad()
                loss = ath.nn.functional.cross_entropy(model(ids), labels)
                loss.backward()
                optimizer.step()
                out.append(loss.item())
            return out
        first = losses()
        self.assertEqual(first, losses())
        self.assertEqual(len(set(first)), 5)


class Recurrent(unittest.TestCase):
    def test_lstm_and_gru_with_pytorchs_weights(self):
        torch.manual_seed(2)
        for kind in ("LSTM", "GRU"):
            for layers, both, first in ((1, False, False), (2, True, False), (2, False, True)):
                judge = getattr(torch.nn, kind)(5, 4, layers, bidirectional=both, batch_first=first)
                model = getattr(ath.nn, kind)(5, 4, layers, bidirectional=both, batch_first=first)
                self.assertEqual(list(model.state_dict()), list(judge.state_dict()))
                model.load_state_dict({n: ath.from_numpy(t.numpy()) for n, t in judge.state_dict().items()})
                x = torch.randn(3, 6, 5)
                mine = ath.from_numpy(x.numpy()).clone().requires_grad_()
                x.requires_grad = True
                states = torch.randn(layers * (2 if both else 1), 3 if first else 6, 4)
                ours = ath.from_numpy(states.numpy())
                y, last = model(mine, (ours, ours) if kind == "LSTM" else ours)
                want, ends = judge(x, (states, states) if kind == "LSTM" else states)
                close(self, y, want)
                for a, b in zip(last if kind == "LSTM" else (last,), ends if kind == "LSTM" else (ends,)):
                    close(self, a, b)
                (y * y).sum().backward()
                (want * want).sum().backward()
                np.testing.assert_allclose(mine.grad.numpy(), x.grad.numpy(), rtol=1e-4, atol=1e-5)
                for (name, p), q in zip(model.named_parameters(), judge.parameters()):
                    np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)

    def test_lengths_are_pytorchs_packed_sequences(self):
        torch.manual_seed(3)
        judge = torch.nn.LSTM(5, 4, 2, bidirectional=True)
        model = ath.nn.LSTM(5, 4, 2, bidirectional=True)
        model.load_state_dict({n: ath.from_numpy(t.numpy()) for n, t in judge.state_dict().items()})
        x, lengths = torch.randn(7, 4, 5), torch.tensor([3, 7, 1, 5])
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        want, (h, c) = judge(packed)
        want = torch.nn.utils.rnn.pad_packed_sequence(want)[0]
        y, (mine_h, mine_c) = model(ath.from_numpy(x.numpy()), lengths=ath.from_numpy(lengths.numpy()))
        for a, b in ((y, want), (mine_h, h), (mine_c, c)):
            close(self, a, b)


if __name__ == "__main__":
    unittest.main()
