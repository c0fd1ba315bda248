#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "athanor/nn/transformer.hpp"

// BERT (Devlin et al. 2019) and ERNIE 2.0 (Sun et al. 2020): the same encoder, with a task
// embedding. Parameters have Hugging Face's names.
namespace athanor::text {

struct BertOptions {
  std::int64_t vocabulary = 30522;
  std::int64_t width = 768;
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t hidden = 3072;  ///< of the feed-forward nets
  std::int64_t positions = 512;
  std::int64_t types = 2;
  std::int64_t tasks = 0;           ///< ERNIE 2.0: task ids; 0: no task embedding
  std::string activation = "gelu";  ///< or relu (ERNIE 1.0)
  double dropout = 0.1;             ///< also of the attention's probabilities
  double epsilon = 1e-12;
  double deviation = 0.02;  ///< of the initial values
};

/// Token ids [B, T], i64; what is undefined counts as zeros (types, tasks) or ones (mask).
struct BertInput {
  Tensor ids, types, mask, tasks;
};

/// The encoder: states of every token, and what the pooler makes of the first.
class Bert final : public nn::Module {
 public:
  explicit Bert(BertOptions options);
  ~Bert() override;
  /// [B, T, width]. Throws ShapeError for more tokens than positions, IndexError for an id outside
  /// the vocabulary.
  Tensor encode(const BertInput& input);
  /// tanh(dense(first token)): [B, width].
  Tensor pool(const Tensor& states);
  /// ids -> encode().
  Tensor forward(const Tensor& ids) override { return encode({ids, {}, {}, {}}); }
  std::string describe() const override;
  const BertOptions& options() const { return options_; }
  /// The table of word vectors: [vocabulary, width].
  const Tensor& words() const;

 private:
  class Layer;
  struct Parts;
  BertOptions options_;
  std::unique_ptr<Parts> parts_;
};

enum class BertHead : std::uint8_t {
  sequence,  ///< one label for a text: [B, labels]
  token,     ///< one label for each token: [B, T, labels]
  masked     ///< a word for each token, through the table of word vectors: [B, T, vocabulary]
};

/// The encoder (child "bert") with a head under Hugging Face's names.
class BertModel final : public nn::Module {
 public:
  /// labels: of the heads sequence and token.
  BertModel(BertOptions options, BertHead head, std::int64_t labels = 2);
  Tensor run(const BertInput& input);
  Tensor forward(const Tensor& ids) override { return run({ids, {}, {}, {}}); }
  std::string describe() const override;
  Bert& encoder() { return bert_; }

 protected:
  void reset(const nn::InitScope& scope) override;

 private:
  BertHead head_;
  Bert& bert_;
  nn::Dropout& dropout_;
  nn::Linear* output_ = nullptr;
  nn::Linear* transform_ = nullptr;
  nn::LayerNorm* norm_ = nullptr;
  Tensor bias_;
};

/// Weights of Hugging Face's BERT and ERNIE files (any of their prefixes; old files with gamma and
/// beta too) under the names of BertModel. A pooler or a head that the model lacks stays inside;
/// load it without `strict`.
TensorMap bert_weights(const TensorMap& file);

}  // namespace athanor::text
