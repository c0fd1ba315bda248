#include <gmock/gmock.h>

#include "athanor/base/error.hpp"
#include "athanor/graph/capture.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::graph {
namespace {

using testing::HasSubstr;

Graph two_calls() {
  const NamedMeta inputs[] = {{"x", {{2}, DType::f32}}};
  return capture(
      [](const TensorList& in) { return TensorList{ops::silu(in[0] + Tensor::ones({2}))}; },
      inputs);
}

std::string refusal(const Graph& graph) {
  try {
    verify(graph);
  } catch (const InternalError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Verify, AcceptsWhatCaptureMakes) { EXPECT_EQ(refusal(two_calls()), "accepted"); }

TEST(Verify, FindsAUseBeforeTheDefinition) {
  Graph g = two_calls();
  std::swap(g.nodes[0], g.nodes[1]);
  EXPECT_THAT(refusal(g), HasSubstr("before it is defined"));
}

TEST(Verify, FindsACycle) {
  Graph g = two_calls();
  g.nodes[0].inputs[0] = g.nodes[1].outputs[0];
  EXPECT_THAT(refusal(g), HasSubstr("before it is defined"));
}

TEST(Verify, FindsTwoDefinitions) {
  Graph g = two_calls();
  g.nodes[1].outputs[0] = g.nodes[0].outputs[0];
  EXPECT_THAT(refusal(g), HasSubstr("defined twice"));
}

TEST(Verify, FindsWrongShapes) {
  Graph g = two_calls();
  g.values[g.nodes[0].outputs[0]].meta.shape = {3};
  EXPECT_THAT(refusal(g), HasSubstr("its op infers f32[2]"));
}

TEST(Verify, FindsTwoValuesOfOneName) {
  Graph g = two_calls();
  g.values[1].name = g.values[0].name;
  EXPECT_THAT(refusal(g), HasSubstr("two values are named"));
}

TEST(Verify, FindsUnknownInnerDimensions) {
  Graph g = two_calls();
  g.values[g.inputs[0]].meta.shape = {2, kDynamic};
  EXPECT_THAT(refusal(g), HasSubstr("only its leading dimension may be unknown"));
}

TEST(Verify, FindsValuesThatDoNotExist) {
  Graph g = two_calls();
  g.outputs[0].value = 99;
  EXPECT_THAT(refusal(g), HasSubstr("reads value 99"));
}

}  // namespace
}  // namespace athanor::graph
