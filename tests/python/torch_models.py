"""Plain PyTorch forms of the models, with the names of real weight files: what athanor's are judged by."""
import math

import torch
import torch.nn.functional as F
from torch import nn


# BERT under Hugging Face's names.

class BertLayer(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.attention = nn.ModuleDict({
            "self": nn.ModuleDict({n: nn.Linear(width, width) for n in ("query", "key", "value")}),
            "output": nn.ModuleDict({"dense": nn.Linear(width, width), "LayerNorm": nn.LayerNorm(width, 1e-12)})})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, hidden)})
        self.output = nn.ModuleDict({"dense": nn.Linear(hidden, width), "LayerNorm": nn.LayerNorm(width, 1e-12)})

    def forward(self, x, mask):
        batch, length, width = x.shape
        q, k, v = (self.attention["self"][n](x).reshape(batch, length, self.heads, -1).transpose(1, 2)
                   for n in ("query", "key", "value"))
        scores = q @ k.transpose(2, 3) / math.sqrt(width // self.heads)
        if mask is not None:
            scores = scores + (1 - mask[:, None, None, :].to(scores)) * torch.finfo(scores.dtype).min
        seen = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width)
        out = self.attention["output"]
        y = out["LayerNorm"](x + out["dense"](seen))
        return self.output["LayerNorm"](y + self.output["dense"](F.gelu(self.intermediate["dense"](y))))


class Bert(nn.Module):
    def __init__(self, vocabulary, width, layers, heads, hidden, positions, types=2, tasks=0, labels=2):
        super().__init__()
        table = {"word_embeddings": vocabulary, "position_embeddings": positions, "token_type_embeddings": types}
        if tasks:
            table["task_type_embeddings"] = tasks
        embeddings = nn.ModuleDict({n: nn.Embedding(count, width) for n, count in table.items()})
        embeddings["LayerNorm"] = nn.LayerNorm(width, 1e-12)
        self.bert = nn.ModuleDict({
            "embeddings": embeddings,
            "encoder": nn.ModuleDict({"layer": nn.ModuleList(BertLayer(width, heads, hidden) for _ in range(layers))}),
            "pooler": nn.ModuleDict({"dense": nn.Linear(width, width)})})
        self.classifier = nn.Linear(width, labels)
        for p in self.parameters():
            if p.ndim > 1:
                nn.init.normal_(p, 0, 0.02)

    def forward(self, ids, types=None, mask=None, tasks=None):
        e = self.bert["embeddings"]
        zeros = torch.zeros_like(ids)
        x = e["word_embeddings"](ids) + e["position_embeddings"](torch.arange(ids.shape[1])) + \
            e["token_type_embeddings"](zeros if types is None else types)
        if "task_type_embeddings" in e:
            x = x + e["task_type_embeddings"](zeros if tasks is None else tasks)
        x = e["LayerNorm"](x)
        for layer in self.bert["encoder"]["layer"]:
            x = layer(x, mask)
        return self.classifier(self.bert["pooler"]["dense"](x[:, 0]).tanh())


# GPT-2 under Hugging Face's names; its matrices are [in, out].

class Conv1D(nn.Module):
    def __init__(self, inside, out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inside, out) * 0.02)
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x):
        return x @ self.weight + self.bias


class Gpt2(nn.Module):
    def __init__(self, vocabulary, width, layers, heads, positions):
        super().__init__()
        self.heads = heads
        block = lambda: nn.ModuleDict({  # noqa: E731
            "ln_1": nn.LayerNorm(width), "ln_2": nn.LayerNorm(width),
            "attn": nn.ModuleDict({"c_attn": Conv1D(width, 3 * width), "c_proj": Conv1D(width, width)}),
            "mlp": nn.ModuleDict({"c_fc": Conv1D(width, 4 * width), "c_proj": Conv1D(4 * width, width)})})
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(vocabulary, width), "wpe": nn.Embedding(positions, width),
            "h": nn.ModuleList(block() for _ in range(layers)), "ln_f": nn.LayerNorm(width)})

    def forward(self, ids):
        t = self.transformer
        batch, length = ids.shape
        x = t["wte"](ids) + t["wpe"](torch.arange(length))
        for h in t["h"]:
            q, k, v = (p.reshape(batch, length, self.heads, -1).transpose(1, 2)
                       for p in h["attn"]["c_attn"](h["ln_1"](x)).chunk(3, 2))
            scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
            scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf)
            x = x + h["attn"]["c_proj"]((scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape))
            x = x + h["mlp"]["c_proj"](F.gelu(h["mlp"]["c_fc"](h["ln_2"](x)), approximate="tanh"))
        return t["ln_f"](x) @ t["wte"].weight.T


# Llama under Hugging Face's names.

def rope(x, base=10000.0, interleaved=False):
    half = x.shape[-1] // 2
    angle = torch.arange(x.shape[-2]).to(x)[:, None] * base ** (-torch.arange(half).to(x) / half)
    cos, sin = angle.cos(), angle.sin()
    if interleaved:
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


def rms(x, weight, epsilon=1e-5):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + epsilon) * weight


def llama_state(vocabulary, width, layers, heads, key_heads, hidden):
    """A state with Hugging Face's names; the output layer is its own."""
    random = lambda *shape: torch.randn(*shape) * 0.1  # noqa: E731
    keys = width // heads * key_heads
    state = {"model.embed_tokens.weight": random(vocabulary, width), "model.norm.weight": 1 + random(width),
             "lm_head.weight": random(vocabulary, width)}
    for i in range(layers):
        p = f"model.layers.{i}."
        for name, shape in (("q_proj", (width, width)), ("k_proj", (keys, width)), ("v_proj", (keys, width)),
                            ("o_proj", (width, width))):
            state[p + f"self_attn.{name}.weight"] = random(*shape)
        for name, shape in (("gate_proj", (hidden, width)), ("up_proj", (hidden, width)), ("down_proj", (width, hidden))):
            state[p + f"mlp.{name}.weight"] = random(*shape)
        for name in ("input_layernorm", "post_attention_layernorm"):
            state[p + name + ".weight"] = 1 + random(width)
        state[p + "self_attn.rotary_emb.inv_freq"] = torch.ones(width // heads // 2)
    return state


def llama(state, ids, heads, key_heads, interleaved=False):
    """Logits of a state with Hugging Face's names."""
    x = state["model.embed_tokens.weight"][ids]
    batch, length, width = x.shape
    layers = 1 + max(int(n.split(".")[2]) for n in state if n.startswith("model.layers."))
    for i in range(layers):
        w = lambda name: state[f"model.layers.{i}.{name}.weight"]  # noqa: E731, B023
        y = rms(x, w("input_layernorm"))
        q, k, v = ((y @ w(f"self_attn.{n}_proj").T).reshape(batch, length, h, -1).transpose(1, 2)
                   for n, h in (("q", heads), ("k", key_heads), ("v", key_heads)))
        q, k = rope(q, interleaved=interleaved), rope(k, interleaved=interleaved)
        k, v = (t.repeat_interleave(heads // key_heads, 1) for t in (k, v))
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
        scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf)
        x = x + (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width) @ w("self_attn.o_proj").T
        y = rms(x, w("post_attention_layernorm"))
        x = x + (F.silu(y @ w("mlp.gate_proj").T) * (y @ w("mlp.up_proj").T)) @ w("mlp.down_proj").T
    return rms(x, state["model.norm.weight"]) @ state["lm_head.weight"].T


# ViT under timm's names.

class Vit(nn.Module):
    def __init__(self, image, patch, channels, width, layers, heads, classes):
        super().__init__()
        self.heads = heads
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(1, (image // patch) ** 2 + 1, width) * 0.02)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(channels, width, patch, patch)})
        self.blocks = nn.ModuleList(nn.ModuleDict({
            "norm1": nn.LayerNorm(width, 1e-6), "norm2": nn.LayerNorm(width, 1e-6),
            "attn": nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)}),
            "mlp": nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})})
            for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width, 1e-6), nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch_embed["proj"](x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1) + self.pos_embed
        for b in self.blocks:
            q, k, v = (p.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)
                       for p in b["attn"]["qkv"](b["norm1"](x)).chunk(3, 2))
            seen = ((q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(-1) @ v).transpose(1, 2).reshape(x.shape)
            x = x + b["attn"]["proj"](seen)
            x = x + b["mlp"]["fc2"](F.gelu(b["mlp"]["fc1"](b["norm2"](x))))
        return self.head(self.norm(x[:, 0]))


def torchvision_names(timm):
    """A timm state of ViT under torchvision's names."""
    out = {}
    for name, t in timm.items():
        for old, new in (("cls_token", "class_token"), ("pos_embed", "encoder.pos_embedding"),
                         ("patch_embed.proj", "conv_proj"), ("blocks.", "encoder.layers.encoder_layer_"),
                         ("norm1", "ln_1"), ("norm2", "ln_2"), ("attn.qkv.weight", "self_attention.in_proj_weight"),
                         ("attn.qkv.bias", "self_attention.in_proj_bias"), ("attn.proj", "self_attention.out_proj"),
                         ("mlp.fc1", "mlp.0"), ("mlp.fc2", "mlp.3")):
            name = name.replace(old, new)
        name = "encoder.ln" + name[4:] if name.startswith("norm.") else name
        out["heads." + name if name.startswith("head.") else name] = t
    return out


def hugging_face_vit_names(timm):
    """A timm state of ViT under Hugging Face's names."""
    out = {}
    for name, t in timm.items():
        if ".attn.qkv." in name:
            start, kind = name.split(".attn.qkv.")
            for part, piece in zip(("query", "key", "value"), t.chunk(3)):
                out[f"vit.{start.replace('blocks', 'encoder.layer')}.attention.attention.{part}.{kind}"] = piece
            continue
        for old, new in (("cls_token", "embeddings.cls_token"), ("pos_embed", "embeddings.position_embeddings"),
                         ("patch_embed.proj", "embeddings.patch_embeddings.projection"), ("blocks", "encoder.layer"),
                         ("norm1", "layernorm_before"), ("norm2", "layernorm_after"),
                         ("attn.proj", "attention.output.dense"), ("mlp.fc1", "intermediate.dense"),
                         ("mlp.fc2", "output.dense")):
            name = name.replace(old, new)
        name = "layernorm" + name[4:] if name.startswith("norm.") else name
        out["classifier" + name[4:] if name.startswith("head.") else "vit." + name] = t
    return out


# ResNet-18 under torchvision's names.

class Residual(nn.Module):
    def __init__(self, inside, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        if stride != 1 or inside != out:
            self.downsample = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class ResNet18(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        inside = 64
        for i, out in enumerate((64, 128, 256, 512)):
            setattr(self, f"layer{i + 1}",
                    nn.Sequential(Residual(inside, out, 1 if i == 0 else 2), Residual(out, out, 1)))
            inside = out
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(4):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.fc(x.mean((2, 3)))


# The LSTM classifier under athanor's names, which are PyTorch's within the LSTM.

class LstmClassifier(nn.Module):
    def __init__(self, vocabulary, width, hidden, labels):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, hidden, bidirectional=True)
        self.output = nn.Linear(4 * hidden, labels)

    def forward(self, ids, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.tokens(ids.T), lengths, enforce_sorted=False)
        y, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], total_length=ids.shape[1])
        inside = torch.arange(ids.shape[1])[:, None, None] < lengths[None, :, None]
        mean = y.sum(0) / lengths[:, None]
        return self.output(torch.cat((mean, y.masked_fill(~inside, -3e38).amax(0)), 1))
