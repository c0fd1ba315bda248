// Typical mistakes of a programmer in C++: each is an exception of its own class whose message
// names the op, what came and what was wanted. None ends the process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "athanor/autograd/autograd.hpp"
#include "athanor/base/error.hpp"
#include "athanor/graph/capture.hpp"
#include "athanor/io/safetensors.hpp"
#include "athanor/io/weights.hpp"
#include "athanor/nn/layers.hpp"
#include "athanor/nn/losses.hpp"
#include "athanor/nn/random_scope.hpp"
#include "athanor/nn/recurrent.hpp"
#include "athanor/nn/transformer.hpp"
#include "athanor/ops/dynamic.hpp"
#include "athanor/ops/operators.hpp"
#include "athanor/optim/optimizer.hpp"
#include "athanor/optim/schedule.hpp"
#include "tests/support/files.hpp"

namespace athanor {
namespace {

struct Mistake {
  std::string name;
  std::function<void()> make;
  std::string kind;  // ShapeError ...
  std::string says;
};

std::string kind_of(const std::exception& error) {
  if (dynamic_cast<const ShapeError*>(&error)) return "ShapeError";
  if (dynamic_cast<const DTypeError*>(&error)) return "DTypeError";
  if (dynamic_cast<const IndexError*>(&error)) return "IndexError";
  if (dynamic_cast<const UnsupportedError*>(&error)) return "UnsupportedError";
  if (dynamic_cast<const OutOfMemoryError*>(&error)) return "OutOfMemoryError";
  if (dynamic_cast<const IoError*>(&error)) return "IoError";
  if (dynamic_cast<const FormatError*>(&error)) return "FormatError";
  if (dynamic_cast<const InternalError*>(&error)) return "InternalError";
  if (dynamic_cast<const ValueError*>(&error)) return "ValueError";
  return "another";
}

Tensor ones(const Shape& shape) { return Tensor::ones(shape); }
Tensor leaf(const Shape& shape) { return Tensor::ones(shape).set_requires_grad(); }
Tensor integers(std::vector<std::int64_t> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor::from(values, {count});
}

std::vector<Mistake> mistakes() {
  using namespace ops;  // NOLINT
  return {
      {"matrix shapes", [] { matmul(ones({2, 3}), ones({4, 5})); }, "ShapeError",
       "matmul: a has 3 columns, b has 4 rows (a: f32[2,3], b: f32[4,5])"},
      {"shapes that do not broadcast", [] { ones({2, 3}) + ones({4}); }, "ShapeError",
       "add: shapes [2,3] and [4] do not broadcast"},
      {"a reshape that loses elements", [] { reshape(ones({2, 3}), {4}); }, "ShapeError",
       "reshape: "},
      {"channels", [] { conv2d(ones({1, 3, 8, 8}), ones({4, 2, 3, 3}), {}); }, "ShapeError",
       "conv2d: input has 3 channels, weight expects 2"},
      {"a kernel larger than the picture",
       [] { conv2d(ones({1, 1, 2, 2}), ones({1, 1, 3, 3}), {}); }, "ShapeError", "conv2d: "},
      {"sizes along another axis", [] { concat(TensorList{ones({2, 3}), ones({2, 4})}, 0); },
       "ShapeError", "concat: "},
      {"features of a layer",
       [] {
         nn::Linear layer(4, 2);
         layer(ones({3, 5}));
       },
       "ShapeError", "linear: "},
      {"an axis that is not there", [] { sum(ones({2, 3}), {2}); }, "IndexError", "sum: "},
      {"a class that is not there", [] { cross_entropy(ones({2, 3}), integers({0, 3})); },
       "IndexError", "target 3 in row 1 is outside [0, 3)"},
      {"a token that is not there", [] { embedding(ones({5, 2}), integers({7})); }, "IndexError",
       "embedding: "},
      {"an index that is not there", [] { index_select(ones({3}), integers({-4})); }, "IndexError",
       "index_select: "},
      {"a dimension that is not there", [] { (void)ones({2, 3}).dim(5); }, "IndexError", "5"},
      {"a floating index", [] { index_select(ones({3}), ones({1})); }, "DTypeError",
       "index_select: "},
      {"the root of integers", [] { sqrt(integers({1, 4})); }, "DTypeError",
       "sqrt: input 'x' is i64[2]; it takes f16, bf16, f32, f64"},
      {"the mean of integers and a target of another dtype",
       [] { mse_loss(ones({2}), integers({1, 2})); }, "DTypeError",
       "mse_loss: 'x' and 'target' must have one dtype"},
      {"bits of floating numbers", [] { bitwise_and(ones({2}), ones({2})); }, "DTypeError",
       "bitwise_and: "},
      {"minus of bool", [] { neg(Tensor::full({2}, 1, DType::boolean)); }, "DTypeError", "neg: "},
      {"a gradient of several numbers", [] { autograd::backward(leaf({3}) * 2.0); }, "ShapeError",
       "has 3 elements; give a gradient of its shape, or reduce it to one"},
      {"a gradient of what was not recorded", [] { autograd::backward(sum(ones({3}))); },
       "ValueError", "does not depend on any tensor that requires a gradient"},
      {"a tape that is gone",
       [] {
         const Tensor y = sum(square(leaf({2})));
         autograd::backward(y);
         autograd::backward(y);
       },
       "ValueError", "was already released; pass retain_graph"},
      {"a saved tensor that was overwritten",
       [] {
         const Tensor x = leaf({2}), w = ones({2});
         const Tensor y = sum(x * w);
         w.fill(3);
         autograd::backward(y);
       },
       "ValueError", "was overwritten after the op had run; clone it before the overwrite"},
      {"a gradient of another shape", [] { autograd::backward(leaf({3}) * 2.0, ones({2})); },
       "ShapeError", "does not have the shape of"},
      {"a gradient for integers", [] { integers({1}).set_requires_grad(); }, "DTypeError", "i64"},
      {"a leaf that is none", [] { (leaf({2}) * 2.0).set_requires_grad(false); }, "ValueError", ""},
      {"the number in several", [] { (void)ones({2}).item(); }, "ShapeError",
       "item() needs one element, f32[2] has 2"},
      {"a step of 0", [] { slice(ones({3}), 0, 0, 3, 0); }, "ValueError", "slice: step is 0"},
      {"a probability above 1", [] { dropout(ones({2}), 1.5, 0, 0); }, "ValueError", "dropout: "},
      {"dropout without a seed",
       [] {
         nn::Dropout layer(0.5);
         layer(ones({2}));
       },
       "ValueError", "Dropout"},
      {"a layer of no size", [] { nn::Linear(0, 2); }, "ValueError",
       "Linear: in and out must be at least 1, not 0 and 2"},
      {"groups that do not divide", [] { nn::Conv2d(3, 4, 3, {.groups = 2}); }, "ValueError",
       "Conv2d: groups 2 must divide both 3 input and 4 output channels"},
      {"states of another size", [] { nn::Lstm(3, 4).run(ones({5, 2, 3}), ones({1, 2, 5})); },
       "ShapeError", "Lstm: a first state is f32[1,2,5]; it must be [1, 2, 4]"},
      {"a key that is not in the weights",
       [] {
         nn::Linear layer(2, 2);
         layer.load_state_dict({{"weight", ones({2, 2})}});
       },
       "ValueError", "bias"},
      {"weights of another shape",
       [] {
         nn::Linear layer(2, 2);
         layer.load_state_dict({{"weight", ones({3, 2})}, {"bias", ones({2})}});
       },
       "ValueError", "weight"},
      {"a negative learning rate",
       [] {
         nn::Linear layer(2, 2);
         optim::Sgd(optim::one_group(layer)).step(-0.1);
       },
       "ValueError", "the learning rate must not be negative, it is -0.1"},
      {"momentum above 1",
       [] {
         nn::Linear layer(2, 2);
         optim::Sgd(optim::one_group(layer), {.momentum = 1.5});
       },
       "ValueError", "Sgd: momentum must be in [0, 1), not 1.5"},
      {"nothing to optimise", [] { optim::Sgd(std::vector<optim::ParameterGroup>{}); },
       "ValueError", ""},
      {"a file that is not there", [] { io::load_weights("/nowhere/weights.pth"); }, "IoError",
       "/nowhere/weights.pth"},
      {"a file of another kind",
       [] {
         const std::string text = "these are no weights, but a letter to a friend";
         io::parse_weights(
             std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()),
             "letter.txt");
       },
       "FormatError", "letter.txt"},
      {"a matrix that has no inverse", [] { inv(Tensor::zeros({2, 2})); }, "ValueError",
       "matrix 0 is singular: pivot 0 of its elimination is 0"},
      {"not positive definite", [] { cholesky(ones({2, 2}) * -1.0); }, "ValueError", "cholesky: "},
      {"an equation that says nothing",
       [] { einsum(std::array{ones({2, 3}), ones({3, 2})}, "ij,jk->iz"); }, "ValueError",
       "einsum: "},
      {"values under capture",
       [] {
         graph::capture([](const TensorList& in) { return TensorList{in[0] * in[0].item()}; },
                        std::array{graph::NamedMeta{"x", {{1}, DType::f32}}});
       },
       "ValueError", ""},
      {"shapes that depend on values under capture",
       [] {
         graph::capture([](const TensorList& in) { return TensorList{nonzero(in[0])}; },
                        std::array{graph::NamedMeta{"x", {{3}, DType::f32}}});
       },
       "ValueError", "nonzero: the shape of its result depends on the values of f32[3]"},
      {"more memory than there is", [] { Tensor::empty({1LL << 40, 1LL << 20}); },
       "OutOfMemoryError", ""},
  };
}

TEST(Mistakes, EachHasItsClassAndSaysWhatCameAndWhatWasWanted) {
  const auto all = mistakes();
  EXPECT_GE(all.size(), 40u);
  for (const Mistake& m : all) {
    SCOPED_TRACE(m.name);
    try {
      m.make();
      ADD_FAILURE() << m.name << " was taken";
    } catch (const std::exception& error) {
      EXPECT_EQ(kind_of(error), m.kind) << error.what();
      EXPECT_THAT(std::string(error.what()), testing::HasSubstr(m.says));
      EXPECT_GT(std::string(error.what()).size(), 20u) << error.what();
    }
  }
}

}  // namespace
}  // namespace athanor
