#include "athanor/nn/recurrent.hpp"

#include <cmath>

#include "athanor/base/error.hpp"
#include "athanor/nn/init.hpp"
#include "athanor/nn/random_scope.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::nn {

namespace {

std::int64_t gates_of(Recurrent::Cell cell) { return cell == Recurrent::Cell::lstm ? 4 : 3; }
const char* name_of(Recurrent::Cell cell) { return cell == Recurrent::Cell::lstm ? "Lstm" : "Gru"; }

}  // namespace

Recurrent::Recurrent(Cell cell, std::int64_t in, std::int64_t hidden, RecurrentOptions options)
    : cell_(cell), in_(in), hidden_(hidden), options_(options) {
  require(in >= 1 && hidden >= 1 && options.layers >= 1,
          "{}: in, hidden and layers must be at least 1, not {}, {} and {}", name_of(cell), in,
          hidden, options.layers);
  require(options.dropout >= 0 && options.dropout < 1, "{}: dropout must be in [0, 1), not {}",
          name_of(cell), options.dropout);
  const std::int64_t rows = gates_of(cell) * hidden, directions = options.bidirectional ? 2 : 1;
  const CategoryScope category(Category::parameter);
  for (std::int64_t layer = 0; layer < options.layers; ++layer)
    for (std::int64_t d = 0; d < directions; ++d) {
      const std::string suffix = fmt::format("_l{}{}", layer, d ? "_reverse" : "");
      const auto make = [&](const char* name, const Shape& shape) {
        return add_parameter(name + suffix, Tensor::zeros(shape));
      };
      parts_.push_back({make("weight_ih", {rows, layer == 0 ? in : hidden * directions}),
                        make("weight_hh", {rows, hidden}), make("bias_ih", {rows}),
                        make("bias_hh", {rows}), suffix});
    }
}

RecurrentOutput Recurrent::run(const Tensor& x, const Tensor& h0, const Tensor& c0,
                               const Tensor& lengths) {
  const char* name = name_of(cell_);
  require<ShapeError>(x.rank() == 3 && x.dim(2) == in_, "{}: input must be [T, N, {}], not {}",
                      name, in_, athanor::describe(x));
  const std::size_t directions = options_.bidirectional ? 2 : 1;
  const auto states = static_cast<std::int64_t>(parts_.size());
  for (const Tensor& state : {h0, c0})
    require<ShapeError>(!state.defined() || state.shape() == (Shape{states, x.dim(1), hidden_}),
                        "{}: a first state is {}; it must be [{}, {}, {}]", name,
                        state.defined() ? athanor::describe(state) : "", states, x.dim(1), hidden_);
  const auto first = [&](const Tensor& all, std::size_t i) {
    const auto k = static_cast<std::int64_t>(i);
    return all.defined() ? ops::squeeze(ops::slice(all, 0, k, k + 1, 1), {0}) : Tensor();
  };
  Tensor y = x;
  TensorList h, c;
  for (std::size_t layer = 0; layer * directions < parts_.size(); ++layer) {
    if (layer > 0 && training() && options_.dropout > 0) {
      const RandomKey key = RandomScope::next(name);
      y = ops::dropout(y, options_.dropout, static_cast<std::int64_t>(key.seed),
                       static_cast<std::int64_t>(key.stream));
    }
    TensorList outputs;
    for (std::size_t d = 0; d < directions; ++d) {
      const std::size_t i = layer * directions + d;
      const Part& p = parts_[i];
      if (cell_ == Cell::lstm) {
        const auto found = ops::lstm(y, p.weight_ih, p.weight_hh, p.bias_ih, p.bias_hh,
                                     first(h0, i), first(c0, i), lengths, d == 1);
        outputs.push_back(found[0]);
        h.push_back(found[1]);
        c.push_back(found[2]);
      } else {
        const auto found = ops::gru(y, p.weight_ih, p.weight_hh, p.bias_ih, p.bias_hh, first(h0, i),
                                    lengths, d == 1);
        outputs.push_back(found[0]);
        h.push_back(found[1]);
      }
    }
    y = outputs.size() == 1 ? outputs[0] : ops::concat(outputs, 2);
  }
  return {y, ops::stack(h, 0), c.empty() ? Tensor() : ops::stack(c, 0)};
}

std::string Recurrent::describe() const {
  return fmt::format("{}({}, {}{}{})", name_of(cell_), in_, hidden_,
                     options_.layers > 1 ? fmt::format(", {} layers", options_.layers) : "",
                     options_.bidirectional ? ", both directions" : "");
}

void Recurrent::reset(const InitScope& scope) {
  const double bound = 1 / std::sqrt(static_cast<double>(hidden_));
  for (const Part& p : parts_) {
    uniform(p.weight_ih, scope, "weight_ih" + p.suffix, -bound, bound);
    uniform(p.weight_hh, scope, "weight_hh" + p.suffix, -bound, bound);
    uniform(p.bias_ih, scope, "bias_ih" + p.suffix, -bound, bound);
    uniform(p.bias_hh, scope, "bias_hh" + p.suffix, -bound, bound);
  }
}

}  // namespace athanor::nn
