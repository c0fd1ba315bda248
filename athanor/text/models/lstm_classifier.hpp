#pragma once

#include "athanor/nn/recurrent.hpp"
#include "athanor/nn/transformer.hpp"

namespace athanor::text {

struct LstmClassifierOptions {
  std::int64_t vocabulary = 10000;
  std::int64_t width = 128;   ///< of the token vectors
  std::int64_t hidden = 128;  ///< of each direction
  std::int64_t layers = 1;
  bool bidirectional = true;
  std::int64_t labels = 2;
  double dropout = 0.3;  ///< of the token vectors, between layers and before the classifier
};

/// A classifier of token sequences: token vectors, an LSTM, the mean and the maximum of its states
/// over the tokens, a linear layer.
class LstmClassifier final : public nn::Module {
 public:
  explicit LstmClassifier(LstmClassifierOptions options);
  /// ids [B, T], i64, whole texts: [B, labels].
  Tensor forward(const Tensor& ids) override { return run(ids, {}); }
  /// lengths [B], i64: tokens of each text; what stands behind them is not looked at.
  Tensor run(const Tensor& ids, const Tensor& lengths);
  std::string describe() const override;
  const LstmClassifierOptions& options() const { return options_; }

 private:
  LstmClassifierOptions options_;
  nn::Embedding& tokens_;
  nn::Dropout& dropout1_;
  nn::Lstm& lstm_;
  nn::Dropout& dropout2_;
  nn::Linear& output_;
};

}  // namespace athanor::text
