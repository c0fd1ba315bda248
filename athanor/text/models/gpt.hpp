#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "athanor/nn/transformer.hpp"

// Decoders that continue a text, in two forms: GPT-2's (Radford et al. 2019: LayerNorm, learned
// positions, GELU) and Llama's (Touvron et al. 2023: RMSNorm, rotary positions, grouped-query
// attention, SwiGLU).
namespace athanor::text {

struct GptOptions {
  enum class Form : std::uint8_t { gpt2, llama };
  Form form = Form::gpt2;
  std::int64_t vocabulary = 50257;
  std::int64_t width = 768;
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t key_heads = 0;  ///< llama: heads of keys and values; 0: as many as `heads`
  std::int64_t hidden = 0;     ///< of the feed-forward nets; 0: 4 width
  std::int64_t positions = 1024;
  double dropout = 0;
  double epsilon = 1e-5;
  double rope_base = 10000;       ///< llama (Su et al. 2021)
  bool rope_interleaved = false;  ///< pairs (0, 1), (2, 3) ... as Meta's files; else halves
  bool tied = true;               ///< the output layer is the table of token vectors
  double deviation = 0.02;  ///< of the initial values; residual outputs 1 / sqrt(2 layers) of it
};

/// How the next token is chosen.
struct Sampling {
  double temperature = 0;  ///< 0: the likeliest
  std::int64_t top_k = 0;  ///< 0: all
  std::uint64_t seed = 0;
};

class Gpt final : public nn::Module {
 public:
  explicit Gpt(GptOptions options);
  ~Gpt() override;
  /// Logits of the token behind each: ids [B, T], i64 -> [B, T, vocabulary]. Throws ShapeError for
  /// more tokens than positions.
  Tensor forward(const Tensor& ids) override;
  /// ids [B, T] with `count` tokens more: [B, T + count], i64. Keys and values of earlier tokens
  /// are kept, so that each new one costs one step. Throws ShapeError when the text would grow
  /// beyond the positions.
  Tensor generate(const Tensor& ids, std::int64_t count, const Sampling& sampling = {});
  std::string describe() const override;
  const GptOptions& options() const { return options_; }

 protected:
  void reset(const nn::InitScope& scope) override;

 private:
  struct Parts;
  struct Cache;
  class Block;
  Tensor run(const Tensor& ids, Cache* cache);
  GptOptions options_;
  std::unique_ptr<Parts> parts_;
};

/// Weights of Hugging Face's GPT-2 files, under the names of Gpt (form gpt2).
TensorMap gpt2_weights(const TensorMap& file);
/// Weights of Hugging Face's or Meta's Llama files, under the names of Gpt (form llama). Meta's are
/// for rope_interleaved.
TensorMap llama_weights(const TensorMap& file);

/// A checkpoint of llama2.c (version 0: seven i32 of sizes, then f32).
struct Llama2c {
  GptOptions options;
  TensorMap weights;
};
/// Throws FormatError for a file that is not one, IoError.
Llama2c read_llama2c(const std::string& path);

}  // namespace athanor::text
