#include "athanor/graph/capture.hpp"

#include <gmock/gmock.h>

#include "athanor/base/error.hpp"
#include "athanor/graph/executor.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::graph {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor numbers(std::vector<float> values, const Shape& shape) {
  return Tensor::from(values, shape);
}

template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Capture, RecordsCallsAndRunsThemAgain) {
  const Tensor weight = numbers({1, 2, 3}, {3});
  const NamedMeta inputs[] = {{"x", {{2, 3}, DType::f32}}};
  const Graph graph =
      capture([&](const TensorList& in) { return TensorList{ops::silu(in[0] + weight)}; }, inputs,
              {.parameters = {{"layer.weight", weight}}, .output_names = {"y"}});
  EXPECT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.constants().size(), 1u);
  EXPECT_EQ(graph[graph.constants()[0]].name, "layer.weight");
  EXPECT_EQ(graph.outputs[0].name, "y");

  const Tensor x = numbers({0, 0, 0, -1, -2, -3}, {2, 3});
  const TensorList y = Executor(graph).run(std::vector<Tensor>{x});
  // silu(0) = 0 exactly; silu(1) = 1 / (1 + exp(-1)).
  const auto values = y[0].to_vector<float>();
  EXPECT_NEAR(values[0], 0.7310585786, 1e-6);
  EXPECT_EQ(values[3], 0);
}

TEST(Capture, AnyBatchSizePassesADynamicDimension) {
  const NamedMeta inputs[] = {{"x", {{kDynamic, 2}, DType::f32}}};
  const Graph graph =
      capture([](const TensorList& in) { return TensorList{in[0] + in[0]}; }, inputs);
  EXPECT_THAT(std::vector<std::int64_t>(graph[graph.outputs[0].value].meta.shape.begin(),
                                        graph[graph.outputs[0].value].meta.shape.end()),
              ElementsAre(kDynamic, 2));
  const Executor run(graph);
  for (const std::int64_t batch : {1, 5, 0}) {
    const TensorList y = run.run(std::vector<Tensor>{Tensor::ones({batch, 2})});
    EXPECT_EQ(y[0].shape(), (Shape{batch, 2}));
    for (float v : y[0].to_vector<float>()) EXPECT_EQ(v, 2);
  }
}

TEST(Capture, CallsOnConstantsAloneRunAtOnce) {
  const NamedMeta inputs[] = {{"x", {{2}, DType::f32}}};
  const Tensor a = numbers({1, 2}, {2}), b = numbers({10, 20}, {2});
  const Graph graph =
      capture([&](const TensorList& in) { return TensorList{in[0] + (a + b)}; }, inputs);
  ASSERT_EQ(graph.nodes.size(), 1u);
  ASSERT_EQ(graph.constants().size(), 1u);
  EXPECT_THAT(graph[graph.constants()[0]].constant.to_vector<float>(), ElementsAre(11, 22));
}

TEST(Capture, OneTensorIsOneConstant) {
  const NamedMeta inputs[] = {{"x", {{2}, DType::f32}}};
  const Tensor a = numbers({1, 2}, {2});
  const Graph graph =
      capture([&](const TensorList& in) { return TensorList{(in[0] + a) + a}; }, inputs);
  EXPECT_EQ(graph.constants().size(), 1u);
}

TEST(Capture, ReadingSymbolicValuesIsRefused) {
  const NamedMeta inputs[] = {{"x", {{2}, DType::f32}}};
  const auto read = [&] {
    (void)capture(
        [](const TensorList& in) {
          (void)in[0].to_vector<float>();
          return in;
        },
        inputs);
  };
  EXPECT_THAT(message_of<ValueError>(read), HasSubstr("not known while a graph is captured"));
}

TEST(Capture, WrongShapesAreRefusedWhileCapturing) {
  const NamedMeta inputs[] = {{"x", {{2, 3}, DType::f32}}};
  const auto wrong = [&] {
    (void)capture([](const TensorList& in) { return TensorList{in[0] + Tensor::ones({4})}; },
                  inputs);
  };
  EXPECT_THAT(message_of<ShapeError>(wrong), HasSubstr("shapes [2,3] and [4] do not broadcast"));
}

TEST(Capture, ABatchDimensionThatMovesInwardsIsRefused) {
  const NamedMeta inputs[] = {{"x", {{kDynamic, 2}, DType::f32}}};
  const Tensor table = Tensor::ones({5, 1, 2});
  EXPECT_THAT(
      message_of<ShapeError>([&] {
        (void)capture([&](const TensorList& in) { return TensorList{in[0] + table}; }, inputs);
      }),
      HasSubstr("add: its result would be [5,?,2], and only the leading dimension may be known"));
}

TEST(Capture, TensorsOfAnotherCaptureAreRefused) {
  Capture first, second;
  const Tensor x = first.input("x", {{2}, DType::f32});
  const InterpreterScope scope(second, InterpreterScope::Place::below_tape);
  EXPECT_THAT(message_of<ValueError>([&] { (void)(x + x); }), HasSubstr("another capture"));
}

TEST(Capture, TooMuchFoldingIsRefused) {
  Capture small(Capture::Limits{.folded_bytes = 100});
  const InterpreterScope scope(small, InterpreterScope::Place::below_tape);
  const Tensor a = Tensor::ones({20});
  (void)(a + a);
  EXPECT_THAT(message_of<UnsupportedError>([&] { (void)(a + a); }), HasSubstr("100 bytes"));
}

TEST(Executor, ChecksItsInputs) {
  const NamedMeta inputs[] = {{"image", {{kDynamic, 3}, DType::f32}}};
  const Executor run(
      capture([](const TensorList& in) { return TensorList{in[0] + in[0]}; }, inputs));
  EXPECT_THAT(
      message_of<ShapeError>([&] { (void)run.run(std::vector<Tensor>{Tensor::ones({2, 4})}); }),
      HasSubstr("input 'image' of the graph is f32[?,3] (? is any size), f32[2,4]"));
  EXPECT_THAT(message_of<DTypeError>(
                  [&] { (void)run.run(std::vector<Tensor>{Tensor::ones({2, 3}, DType::f64)}); }),
              HasSubstr("f64[2,3] was given"));
  EXPECT_THAT(message_of<ValueError>([&] { (void)run.run({}); }), HasSubstr("takes 1 inputs, 0"));
}

TEST(Executor, LeavesNoTape) {
  const NamedMeta inputs[] = {{"x", {{2}, DType::f32}}};
  const Executor run(
      capture([](const TensorList& in) { return TensorList{in[0] + in[0]}; }, inputs));
  const Tensor x = Tensor::ones({2});
  x.set_requires_grad();
  EXPECT_FALSE(run.run(std::vector<Tensor>{x})[0].requires_grad());
}

TEST(Executor, ReleasesValuesAfterTheirLastUse) {
  const NamedMeta inputs[] = {{"x", {{1 << 16}, DType::f32}}};
  const Executor run(capture(
      [](const TensorList& in) {
        Tensor y = in[0];
        for (int i = 0; i < 50; ++i) y = y + in[0];
        return TensorList{y};
      },
      inputs));
  const Tensor x = Tensor::ones({1 << 16});
  cpu_allocator().reset_peak();
  const auto before = cpu_allocator().stats().total_live;
  (void)run.run(std::vector<Tensor>{x});
  // Two live values of 256 KiB, not fifty.
  EXPECT_LE(cpu_allocator().stats().peak_live - before, 4u << 18);
}

}  // namespace
}  // namespace athanor::graph
