#include <gtest/gtest.h>

#include <cstdio>

#include "athanor/base/error.hpp"
#include "athanor/op/dispatch.hpp"
#include "suite.hpp"

namespace athanor::op_suite {
namespace {

constexpr std::size_t kShown = 5;

struct Totals {
  int checks = 0;
  int samples = 0;
};
Totals totals;

/// Prints what was covered when the program ends.
class Summary final : public testing::Environment {
 public:
  void TearDown() override {
    std::printf("op_suite: %zu ops, %d samples, %d checks, 0 exemptions\n", registry().size(),
                totals.samples, totals.checks);
  }
};
const auto* const summary = testing::AddGlobalTestEnvironment(new Summary);

class OpSuite : public testing::TestWithParam<std::string> {
 protected:
  const OpDef& op() const { return *registry().find(GetParam()); }

  void show(const Report& report) const {
    totals.checks += report.checks();
    for (std::size_t i = 0; i < report.failures().size(); ++i) {
      if (i == kShown) {
        ADD_FAILURE() << report.failures().size() - kShown << " more of " << GetParam();
        return;
      }
      ADD_FAILURE() << report.failures()[i];
    }
  }

  // An exception of one call must not hide the others.
  template <class Check>
  void each_call(Check check, bool count = false) {
    Report report;
    for_each_call(op(), [&](const Call& call) {
      totals.samples += count;
      try {
        check(call, report);
      } catch (const std::exception& error) {
        report.fail(call.name(), "throws: {}", error.what());
      }
    });
    show(report);
  }
  template <class Check>
  void whole_op(Check check) {
    Report report;
    try {
      check(op(), report);
    } catch (const std::exception& error) {
      report.fail(GetParam(), "throws: {}", error.what());
    }
    show(report);
  }
};

TEST_P(OpSuite, ValuesEqualTheMeaningInFloat64) { each_call(check_values, true); }
TEST_P(OpSuite, ScalarsAndEmptyTensorsAreTaken) { each_call(check_small_shapes); }
TEST_P(OpSuite, MemoryOrderDoesNotMatter) { each_call(check_memory_orders); }
TEST_P(OpSuite, GradientEqualsCentralDifferences) { each_call(check_gradient); }
TEST_P(OpSuite, GradientOfGradientEqualsCentralDifferences) { each_call(check_second_gradient); }
TEST_P(OpSuite, OverwrittenInputsAreNoticed) { each_call(check_overwritten); }
TEST_P(OpSuite, CapturedEqualsEager) { each_call(check_capture); }
TEST_P(OpSuite, LeadingDimensionMayBeUnknown) { each_call(check_dynamic_batch); }
TEST_P(OpSuite, OnnxKeepsTheMeaning) { each_call(check_onnx); }
TEST_P(OpSuite, ThreadsDoNotChangeBits) { each_call(check_threads); }
TEST_P(OpSuite, VmapEqualsExampleAfterExample) { each_call(check_vmap); }
TEST_P(OpSuite, SavesAreDeclaredAndNeeded) { whole_op(check_saves); }
TEST_P(OpSuite, WrongCallsAreRefusedWithTheirText) { whole_op(check_refusals); }
TEST_P(OpSuite, ExtremeValuesStayExact) { whole_op(check_edges); }
TEST_P(OpSuite, RandomNumbersFollowTheirKey) { whole_op(check_random); }

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const OpDef& op : registry()) out.emplace_back(op.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Ops, OpSuite, testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace athanor::op_suite
