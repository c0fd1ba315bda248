#include "athanor/graph/passes/passes.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "athanor/base/error.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/graph/capture.hpp"
#include "athanor/graph/executor.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::graph {
namespace {

using testing::HasSubstr;

Tensor random(const Shape& shape, std::uint64_t stream, float low = -1, float high = 1) {
  Random random({7, stream});
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  for (float& v : values) v = random.uniform(low, high);
  return Tensor::from(values, shape);
}

std::vector<std::string> op_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.emplace_back(node.op->name);
  return names;
}

Graph convolution_and_norm(const std::string& activation, bool bias) {
  const Tensor weight = random({4, 3, 3, 3}, 1), offset = random({4}, 2);
  const Tensor gamma = random({4}, 3, 0.5, 2), beta = random({4}, 4), mean = random({4}, 5),
               variance = random({4}, 6, 0.1f, 3);
  const NamedMeta inputs[] = {{"x", {{kDynamic, 3, 5, 5}, DType::f32}}};
  return capture(
      [&](const TensorList& in) {
        const Tensor y = ops::conv2d(in[0], weight, bias ? offset : Tensor(), {1, 1}, {1, 1});
        return TensorList{
            ops::batch_norm_inference(y, gamma, beta, mean, variance, 1e-5, activation)};
      },
      inputs, {.parameters = {{"conv.weight", weight}}});
}

class FoldBatchNorm : public testing::TestWithParam<std::tuple<std::string, bool>> {};

TEST_P(FoldBatchNorm, KeepsTheResults) {
  const auto& [activation, bias] = GetParam();
  const Graph before = convolution_and_norm(activation, bias);
  Graph after = before;
  EXPECT_EQ(fold_batch_norm(after), 1);
  verify(after);
  const std::vector<std::string> expected = activation == "none"
                                                ? std::vector<std::string>{"conv2d"}
                                                : std::vector<std::string>{"conv2d", activation};
  EXPECT_EQ(op_names(after), expected);
  const std::vector<Tensor> x{random({2, 3, 5, 5}, 9)};
  const auto a = Executor(before).run(x)[0].to_vector<float>();
  const auto b = Executor(after).run(x)[0].to_vector<float>();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_NEAR(a[i], b[i], 1e-5f * (1 + std::fabs(a[i]))) << i;
}

INSTANTIATE_TEST_SUITE_P(Activations, FoldBatchNorm,
                         testing::Combine(testing::Values("none", "relu", "relu6"),
                                          testing::Bool()));

TEST(FoldBatchNorm, LeavesAConvolutionThatIsReadElsewhere) {
  const Tensor weight = random({4, 3, 1, 1}, 1), one = Tensor::ones({4});
  const NamedMeta inputs[] = {{"x", {{1, 3, 2, 2}, DType::f32}}};
  Graph graph = capture(
      [&](const TensorList& in) {
        const Tensor y = ops::conv2d(in[0], weight);
        return TensorList{ops::batch_norm_inference(y, one, one, one, one), y};
      },
      inputs);
  EXPECT_EQ(fold_batch_norm(graph), 0);
}

TEST(RemoveDead, RemovesWhatNoOutputNeeds) {
  const NamedMeta inputs[] = {{"x", {{2}, DType::f32}}, {"unused", {{3}, DType::f32}}};
  Graph graph = capture(
      [](const TensorList& in) {
        (void)(in[0] + Tensor::ones({2}));
        return TensorList{ops::silu(in[0])};
      },
      inputs);
  EXPECT_EQ(remove_dead(graph), 2);  // the addition and its constant
  verify(graph);
  EXPECT_EQ(op_names(graph), std::vector<std::string>{"silu"});
  EXPECT_EQ(graph.inputs.size(), 2u);
}

TEST(Passes, CanBeSwitchedOffByName) {
  Graph graph = convolution_and_norm("none", false);
  optimize(graph, {"fold_batch_norm"});
  EXPECT_EQ(graph.nodes.size(), 2u);
  optimize(graph);
  EXPECT_EQ(graph.nodes.size(), 1u);
  try {
    optimize(graph, {"magic"});
    ADD_FAILURE() << "an unknown pass was accepted";
  } catch (const ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("there is no pass 'magic'"));
  }
}

}  // namespace
}  // namespace athanor::graph
