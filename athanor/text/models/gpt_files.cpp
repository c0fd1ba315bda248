#include <cstring>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"
#include "athanor/nn/name_table.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/text/models/gpt.hpp"

namespace athanor::text {

TensorMap gpt2_weights(const TensorMap& file) {
  static const std::vector<std::string> prefixes = {"transformer.", "module.transformer."};
  // Their matrices are [in, out] (Conv1D).
  static const std::vector<nn::NameRule> rules = {
      {"wte.weight", {"tokens.weight"}},
      {"wpe.weight", {"positions.weight"}},
      {"ln_f.weight", {"norm.weight"}},
      {"ln_f.bias", {"norm.bias"}},
      {"lm_head.weight", {}},  // the table of token vectors again
      {"h.*.attn.bias", {}},   // the causal mask
      {"h.*.attn.masked_bias", {}},
      {"h.*.ln_1.weight", {"layers.*.norm1.weight"}},
      {"h.*.ln_1.bias", {"layers.*.norm1.bias"}},
      {"h.*.ln_2.weight", {"layers.*.norm2.weight"}},
      {"h.*.ln_2.bias", {"layers.*.norm2.bias"}},
      {"h.*.attn.c_attn.weight",
       {"layers.*.query.weight", "layers.*.key.weight", "layers.*.value.weight"},
       true},
      {"h.*.attn.c_attn.bias", {"layers.*.query.bias", "layers.*.key.bias", "layers.*.value.bias"}},
      {"h.*.attn.c_proj.weight", {"layers.*.projection.weight"}, true},
      {"h.*.attn.c_proj.bias", {"layers.*.projection.bias"}},
      {"h.*.mlp.c_fc.weight", {"layers.*.up.weight"}, true},
      {"h.*.mlp.c_fc.bias", {"layers.*.up.bias"}},
      {"h.*.mlp.c_proj.weight", {"layers.*.down.weight"}, true},
      {"h.*.mlp.c_proj.bias", {"layers.*.down.bias"}},
  };
  return nn::translate_names(file, rules, prefixes);
}

TensorMap llama_weights(const TensorMap& file) {
  static const std::vector<std::string> prefixes = {"model.", "module."};
  static const std::vector<nn::NameRule> rules = {
      // Hugging Face
      {"embed_tokens.weight", {"tokens.weight"}},
      {"lm_head.weight", {"output.weight"}},
      {"layers.*.self_attn.q_proj.weight", {"layers.*.query.weight"}},
      {"layers.*.self_attn.k_proj.weight", {"layers.*.key.weight"}},
      {"layers.*.self_attn.v_proj.weight", {"layers.*.value.weight"}},
      {"layers.*.self_attn.o_proj.weight", {"layers.*.projection.weight"}},
      {"layers.*.self_attn.rotary_emb.inv_freq", {}},
      {"layers.*.mlp.gate_proj.weight", {"layers.*.gate.weight"}},
      {"layers.*.mlp.up_proj.weight", {"layers.*.up.weight"}},
      {"layers.*.mlp.down_proj.weight", {"layers.*.down.weight"}},
      {"layers.*.input_layernorm.weight", {"layers.*.norm1.weight"}},
      {"layers.*.post_attention_layernorm.weight", {"layers.*.norm2.weight"}},
      // Meta
      {"tok_embeddings.weight", {"tokens.weight"}},
      {"rope.freqs", {}},
      {"layers.*.attention.wq.weight", {"layers.*.query.weight"}},
      {"layers.*.attention.wk.weight", {"layers.*.key.weight"}},
      {"layers.*.attention.wv.weight", {"layers.*.value.weight"}},
      {"layers.*.attention.wo.weight", {"layers.*.projection.weight"}},
      {"layers.*.feed_forward.w1.weight", {"layers.*.gate.weight"}},
      {"layers.*.feed_forward.w3.weight", {"layers.*.up.weight"}},
      {"layers.*.feed_forward.w2.weight", {"layers.*.down.weight"}},
      {"layers.*.attention_norm.weight", {"layers.*.norm1.weight"}},
      {"layers.*.ffn_norm.weight", {"layers.*.norm2.weight"}},
  };
  return nn::translate_names(file, rules, prefixes);
}

namespace {

// Takes f32 tensors from the file one after the other.
class Floats {
 public:
  Floats(std::span<const std::uint8_t> bytes, const std::string& path)
      : bytes_(bytes), path_(path) {}
  Tensor take(const char* what, const Shape& shape) {
    const auto wanted = static_cast<std::uint64_t>(element_count(shape)) * 4;
    require<FormatError>(wanted <= bytes_.size(),
                         "{}: llama2.c checkpoint: {} {} needs {} bytes, {} are left; the file is "
                         "truncated or of another version",
                         path_, what, to_string(shape), wanted, bytes_.size());
    const Tensor out = Tensor::empty(shape);
    std::memcpy(out.raw(), bytes_.data(), wanted);
    bytes_ = bytes_.subspan(wanted);
    return out;
  }
  std::size_t left() const { return bytes_.size(); }

 private:
  std::span<const std::uint8_t> bytes_;
  const std::string& path_;
};

}  // namespace

Llama2c read_llama2c(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  constexpr std::size_t kHeader = 7 * 4;
  require<FormatError>(bytes.size() >= kHeader,
                       "{}: llama2.c checkpoint: {} bytes are too few for its header", path,
                       bytes.size());
  std::int32_t h[7];
  std::memcpy(h, bytes.data(), kHeader);
  const bool tied = h[5] > 0;
  const std::int64_t vocabulary = std::abs(static_cast<std::int64_t>(h[5]));
  constexpr std::int64_t kLargest = 1 << 24;
  for (const std::int64_t value :
       {std::int64_t{h[0]}, std::int64_t{h[1]}, std::int64_t{h[2]}, std::int64_t{h[3]},
        std::int64_t{h[4]}, vocabulary, std::int64_t{h[6]}})
    require<FormatError>(value >= 1 && value <= kLargest,
                         "{}: llama2.c checkpoint: the header holds {}, sizes are 1 .. {}", path,
                         value, kLargest);
  Llama2c out;
  GptOptions& o = out.options;
  o.form = GptOptions::Form::llama;
  o.width = h[0], o.hidden = h[1], o.layers = h[2], o.heads = h[3], o.key_heads = h[4];
  o.vocabulary = vocabulary, o.positions = h[6], o.tied = tied, o.rope_interleaved = true;
  require<FormatError>(
      o.width % o.heads == 0 && o.heads % o.key_heads == 0 && o.width / o.heads % 2 == 0,
      "{}: llama2.c checkpoint: {} heads and {} key heads do not fit a width of {}", path, o.heads,
      o.key_heads, o.width);
  const std::int64_t size = o.width / o.heads, keys = size * o.key_heads;
  Floats file(std::span<const std::uint8_t>(bytes).subspan(kHeader), path);
  const auto each = [&](const char* name, const Shape& shape) {
    Shape all{o.layers};
    for (const std::int64_t d : shape) all.push_back(d);
    const Tensor stacked = file.take(name, all);
    for (std::int64_t i = 0; i < o.layers; ++i)
      out.weights.emplace(fmt::format("layers.{}.{}.weight", i, name),
                          ops::squeeze(ops::slice(stacked, 0, i, i + 1, 1), {0}));
  };
  out.weights["tokens.weight"] = file.take("tokens", {o.vocabulary, o.width});
  each("norm1", {o.width});
  each("query", {o.width, o.width});
  each("key", {keys, o.width});
  each("value", {keys, o.width});
  each("projection", {o.width, o.width});
  each("norm2", {o.width});
  each("gate", {o.hidden, o.width});
  each("down", {o.width, o.hidden});
  each("up", {o.hidden, o.width});
  out.weights["norm.weight"] = file.take("norm", {o.width});
  (void)file.take("cos of the rotary positions", {o.positions, size / 2});  // computed by Gpt
  (void)file.take("sin of the rotary positions", {o.positions, size / 2});
  if (!tied) out.weights["output.weight"] = file.take("output", {o.vocabulary, o.width});
  require<FormatError>(file.left() == 0,
                       "{}: llama2.c checkpoint: {} bytes are left behind the last tensor", path,
                       file.left());
  return out;
}

}  // namespace athanor::text
