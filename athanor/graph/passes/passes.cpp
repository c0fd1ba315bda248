#include "athanor/graph/passes/passes.hpp"

#include <algorithm>

#include "athanor/base/error.hpp"

namespace athanor::graph {

namespace {

constexpr Pass kPasses[] = {
    {"fold_batch_norm", "scales the weights of a convolution instead of normalising its output",
     fold_batch_norm},
    {"remove_dead", "removes calls and constants on which no output depends", remove_dead},
};

}  // namespace

std::span<const Pass> passes() { return kPasses; }

void optimize(Graph& graph, const std::vector<std::string>& off) {
  for (const std::string& name : off) {
    const bool known = std::ranges::any_of(kPasses, [&](const Pass& p) { return p.name == name; });
    require(known, "there is no pass '{}'", name);
  }
  for (const Pass& pass : kPasses) {
    if (std::ranges::find(off, pass.name) != off.end()) continue;
    if (pass.run(graph) > 0) verify(graph);
  }
}

}  // namespace athanor::graph
