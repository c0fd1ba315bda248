#include "athanor/base/error.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/op/dispatch.hpp"
#include "suite.hpp"

namespace athanor::op_suite {

namespace {

struct ThreadScope {
  int threads = compute_threads();
  bool mode = deterministic();
  ~ThreadScope() {
    set_compute_threads(threads);
    set_deterministic(mode);
  }
};

}  // namespace

void check_threads(const Call& call, Report& report) {
  const ThreadScope restore;
  const NoGrad no_grad;
  // Random numbers and our own loops never depend on the threads; the mode is for libraries.
  set_deterministic(!call.op.random);
  TensorList first;
  for (int threads : {1, 2, 3}) {
    set_compute_threads(threads);
    const TensorList outputs = call.run();
    if (threads == 1) {
      first = outputs;
      continue;
    }
    report.checked();
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (!same_bits(outputs[i], first[i]))
        report.fail(call.name(), "output {} has other bits with {} threads than with one", i,
                    threads);
  }
}

void check_random(const OpDef& op, Report& report) {
  if (!op.random) return;
  const NoGrad no_grad;
  const std::string where(op.name);
  const auto has = [&](std::string_view name) {
    for (const auto& a : op.signature.attributes)
      if (a.name == name) return true;
    return false;
  };
  report.checked();
  if (!has("seed") || !has("stream")) {
    report.fail(where, "is random and lacks the attribute seed or stream");
    return;
  }
  bool seed_matters = false, stream_matters = false;
  for_each_call(op, [&](const Call& call) {
    const auto with = [&](std::string_view name) {
      const Attrs attrs = call.sample.attrs.with(name, call.sample.attrs.integer(name) + 1);
      return std::move(dispatch(op, call.sample.inputs, attrs)[0]);
    };
    const Tensor base = std::move(call.run()[0]), again = std::move(call.run()[0]);
    report.checked();
    if (!same_bits(base, again)) report.fail(call.name(), "the same key gives other numbers");
    seed_matters = seed_matters || !same_bits(base, with("seed"));
    stream_matters = stream_matters || !same_bits(base, with("stream"));
  });
  report.checked(2);
  if (!seed_matters) report.fail(where, "the seed does not matter");
  if (!stream_matters) report.fail(where, "the stream does not matter");
}

}  // namespace athanor::op_suite
