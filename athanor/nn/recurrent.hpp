#pragma once

#include <vector>

#include "athanor/nn/module.hpp"

namespace athanor::nn {

struct RecurrentOptions {
  std::int64_t layers = 1;
  bool bidirectional = false;
  double dropout = 0;  ///< between layers, in training
};

/// What a recurrent net returns.
struct RecurrentOutput {
  Tensor y;  ///< [T, N, directions * H], zeros behind the end of a sequence
  Tensor h;  ///< the last states [layers * directions, N, H]
  Tensor c;  ///< LSTM: the last cells, of the same shape
};

/// A stack of LSTM or GRU layers with PyTorch's names of parameters: weight_ih_l0 [gates H, I],
/// weight_hh_l0, bias_ih_l0, bias_hh_l0, with "_reverse" for the other direction. Initial values:
/// U(-1/sqrt(H), 1/sqrt(H)).
class Recurrent : public Module {
 public:
  enum class Cell : std::uint8_t { lstm, gru };
  Recurrent(Cell cell, std::int64_t in, std::int64_t hidden, RecurrentOptions options = {});
  /// x: [T, N, I] -> y.
  Tensor forward(const Tensor& x) override { return run(x).y; }
  /// h0, c0: [layers * directions, N, H], default zeros; lengths: [N], i64, default T.
  RecurrentOutput run(const Tensor& x, const Tensor& h0 = {}, const Tensor& c0 = {},
                      const Tensor& lengths = {});
  std::string describe() const override;

 protected:
  void reset(const InitScope& scope) override;

 private:
  struct Part {
    Tensor weight_ih, weight_hh, bias_ih, bias_hh;
    std::string suffix;
  };
  Cell cell_;
  std::int64_t in_, hidden_;
  RecurrentOptions options_;
  std::vector<Part> parts_;  // layer by layer, forward before reverse
};

class Lstm final : public Recurrent {
 public:
  Lstm(std::int64_t in, std::int64_t hidden, RecurrentOptions options = {})
      : Recurrent(Cell::lstm, in, hidden, options) {}
};
class Gru final : public Recurrent {
 public:
  Gru(std::int64_t in, std::int64_t hidden, RecurrentOptions options = {})
      : Recurrent(Cell::gru, in, hidden, options) {}
};

}  // namespace athanor::nn
