#include <memory>

#include "athanor/base/error.hpp"
#include "athanor/graph/vmap.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/ops.hpp"
#include "suite.hpp"

namespace athanor::op_suite {

namespace {

// The same values from back to front: still indices, permutations and positive definite matrices.
Tensor reversed(const Tensor& t) {
  Dims axes;
  for (std::int64_t d = 0; d < t.rank(); ++d) axes.push_back(d);
  return axes.empty() ? t : ops::flip(t, axes);
}

// Both examples as one batch, against each of them alone.
void compare(const Call& call, std::uint32_t mask, Report& report) {
  const TensorList& given = call.sample.inputs;
  TensorList second(given.begin(), given.end()), both(given.begin(), given.end());
  const auto batched = std::make_unique<bool[]>(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!(mask >> i & 1u)) continue;
    batched[i] = true;
    second[i] = reversed(given[i]);
    both[i] = ops::stack(TensorList{given[i], second[i]}, 0);
  }
  TensorList alone[2];
  try {
    alone[0] = call.run(given);
    alone[1] = call.run(second);
    for (std::size_t k = 0; k < alone[0].size(); ++k)
      if (alone[0][k].shape() != alone[1][k].shape()) return;
  } catch (const Error&) {
    return;  // the op does not take the values in this order
  }
  const TensorList found =
      graph::batched_call(call.op, call.sample.attrs, both, {batched.get(), given.size()}, 2);
  report.checked();
  for (std::size_t k = 0; k < found.size(); ++k)
    for (std::int64_t i = 0; i < 2; ++i) {
      const std::string wrong =
          difference(call, copy_of(ops::squeeze(ops::slice(found[k], 0, i, i + 1, 1), {0})),
                     copy_of(alone[i][k]));
      if (!wrong.empty())
        report.fail(call.name(), "vmap over inputs {:b}, example {}, output {}: {}", mask, i, k,
                    wrong);
    }
}

}  // namespace

void check_vmap(const Call& call, Report& report) {
  const NoGrad no_grad;
  std::uint32_t all = 0;
  for (std::size_t i = 0; i < call.sample.inputs.size() && i < 31; ++i)
    if (call.sample.inputs[i].defined()) all |= 1u << i;
  if (all == 0) return;
  if (call.op.random) {
    report.checked();
    try {
      compare(call, all, report);
      report.fail(call.name(), "vmap took a random op");
    } catch (const ValueError&) {
      // as it says
    }
    return;
  }
  compare(call, all, report);
  for (std::uint32_t i = 0; i < 3; ++i)
    if ((all >> i & 1u) && all != 1u << i) compare(call, 1u << i, report);
}

}  // namespace athanor::op_suite
