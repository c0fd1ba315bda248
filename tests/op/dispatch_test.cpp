#include <gtest/gtest.h>

#include <thread>

#include "athanor/base/error.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor {
namespace {

/// Writes down what passes and calls down.
class Witness final : public Interpreter {
 public:
  Witness(std::string name, std::vector<std::string>& log) : name_(std::move(name)), log_(log) {}
  TensorList run(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs) override {
    log_.push_back(name_ + ":" + std::string(op.name));
    return dispatch(op, inputs, attrs);
  }

 private:
  std::string name_;
  std::vector<std::string>& log_;
};

class Thrower final : public Interpreter {
 public:
  TensorList run(const OpDef&, std::span<const Tensor>, const Attrs&) override {
    throw ValueError("no");
  }
};

TEST(Dispatch, ACallPassesTheStackFromTheTop) {
  std::vector<std::string> log;
  Witness top("top", log), upper("upper", log), bottom("bottom", log);
  const Tensor a = Tensor::ones({2});
  {
    const InterpreterScope one(top);
    const InterpreterScope two(bottom, InterpreterScope::Place::below_tape);
    const InterpreterScope three(upper);
    EXPECT_EQ((a + a).to_vector<float>(), (std::vector<float>{2, 2}));
  }
  EXPECT_EQ(log, (std::vector<std::string>{"upper:add", "top:add", "bottom:add"}));
  log.clear();
  (void)(a + a);
  EXPECT_TRUE(log.empty());
}

TEST(Dispatch, AfterAnExceptionTheStackIsWhole) {
  std::vector<std::string> log;
  Witness witness("w", log);
  Thrower thrower;
  const Tensor a = Tensor::ones({2});
  const InterpreterScope one(witness);
  for (int i = 0; i < 3; ++i) {
    const InterpreterScope two(thrower, InterpreterScope::Place::below_tape);
    EXPECT_THROW((void)(a + a), ValueError);
  }
  EXPECT_THROW((void)(a + Tensor::ones({3})), ShapeError);
  log.clear();
  EXPECT_EQ((a * a).to_vector<float>(), (std::vector<float>{1, 1}));
  EXPECT_EQ(log, std::vector<std::string>{"w:mul"});
}

TEST(Dispatch, EveryThreadHasItsOwnStackAndItsOwnGradMode) {
  std::vector<std::string> log;
  Witness witness("w", log);
  const InterpreterScope one(witness);
  const NoGrad off;
  std::thread([] {
    EXPECT_TRUE(grad_enabled());
    const Tensor a = Tensor::ones({2});
    EXPECT_EQ((a + a).to_vector<float>(), (std::vector<float>{2, 2}));
  }).join();
  EXPECT_TRUE(log.empty());
  EXPECT_FALSE(grad_enabled());
}

TEST(Dispatch, AWrongCallIsRefusedWithItsReason) {
  const Tensor a = Tensor::ones({2});
  const OpDef& add = *registry().find("add");
  EXPECT_THROW(dispatch(add, std::array{a}, Attrs(add.signature)), ValueError);
  EXPECT_THROW(dispatch(add, std::array{a, a, a}, Attrs(add.signature)), ValueError);
  EXPECT_THROW(dispatch(add, std::array{a, Tensor()}, Attrs(add.signature)), ValueError);
  EXPECT_THROW((void)ops::exp(Tensor::ones({2}, DType::i32)), DTypeError);
  EXPECT_THROW((void)ops::add(Tensor::ones({2}, DType::boolean), a), DTypeError);
}

TEST(Dispatch, PointwiseOutputsKeepADenseMemoryOrder) {
  const Tensor x = Tensor::ones({2, 3, 4, 5});
  const Tensor nhwc = ops::channels_last(x);
  EXPECT_TRUE(ops::relu(nhwc).is_channels_last());
  EXPECT_TRUE((nhwc + Tensor::ones({3, 1, 1})).is_channels_last());
  EXPECT_TRUE((x + nhwc).is_contiguous());
}

}  // namespace
}  // namespace athanor
