#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "athanor/base/error.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/operators.hpp"
#include "suite.hpp"

// The suite itself is tested with ops that have one planted mistake each. They live in registries
// of their own, so nothing of the real ones changes.
namespace athanor::op_suite {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Define = std::function<void(OpDef&)>;

// A correct op: x * x + x. A test breaks one field of it.
class Planted {
 public:
  explicit Planted(const Define& change, std::string_view signature = "(x) -> y") {
    own_.reserve(1);
    OpDef& op = own_.add("planted", signature);
    op.index = 0xffff;
    op.doc = "x * x + x.";
    op.infer = [](std::span<const TensorMeta> in, const Attrs&) { return MetaList{in[0]}; };
    op.lower = [](std::span<const Tensor> in, const Attrs&) {
      return TensorList{in[0] * in[0] + in[0]};
    };
    op.vjp = [](const Vjp& v) { return v.grad() * (2.0 * v.input(0) + 1.0); };
    op.saves = Saves::input(0);
    op.layout = Layout::follows;
    op.onnx = onnx_lowering();
    op.samples = unary_samples(-2, 2);
    change(op);
  }
  const OpDef& op() const { return own_[0]; }

  std::vector<std::string> failures(void (*check)(const Call&, Report&)) const {
    Report report;
    for_each_call(op(), [&](const Call& call) {
      try {
        check(call, report);
      } catch (const std::exception& error) {
        report.fail(call.name(), "throws: {}", error.what());
      }
    });
    return report.failures();
  }
  std::vector<std::string> failures(void (*check)(const OpDef&, Report&)) const {
    Report report;
    check(op(), report);
    return report.failures();
  }

 private:
  Registry own_;
};

MATCHER_P(SomeSay, text, "some failure says '" + std::string(text) + "'") {
  for (const std::string& failure : arg)
    if (failure.find(text) != std::string::npos) return true;
  return false;
}

TEST(PlantedOp, WithoutAMistakePassesEveryCheck) {
  const Planted p([](OpDef&) {});
  for (const auto check :
       {check_values, check_memory_orders, check_gradient, check_second_gradient, check_overwritten,
        check_capture, check_dynamic_batch, check_onnx, check_threads})
    EXPECT_THAT(p.failures(check), IsEmpty());
  EXPECT_THAT(p.failures(check_saves), IsEmpty());
}

TEST(PlantedOp, WrongGradientIsCaught) {
  const Planted p([](OpDef& op) {
    op.vjp = [](const Vjp& v) { return v.grad() * (2.0 * v.input(0) + 1.01); };
  });
  EXPECT_THAT(p.failures(check_gradient), SomeSay("central differences give"));
}

TEST(PlantedOp, GradientWithoutItsOwnGradientIsCaught) {
  const Planted p([](OpDef& op) {
    op.vjp = [](const Vjp& v) { return v.grad() * (2.0 * v.input(0).detach() + 1.0); };
  });
  EXPECT_THAT(p.failures(check_gradient), IsEmpty());
  EXPECT_THAT(p.failures(check_second_gradient), SomeSay("the gradient of the gradient"));
}

TEST(PlantedOp, WrongShapeRuleIsCaught) {
  const Planted p([](OpDef& op) {
    op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
      MetaList metas{in[0]};
      metas[0].shape.push_back(1);
      return metas;
    };
  });
  EXPECT_THAT(p.failures(check_values), SomeSay("infer says"));
}

TEST(PlantedOp, WrongDTypeRuleIsCaught) {
  const Planted p([](OpDef& op) {
    op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
      return MetaList{{in[0].shape, DType::i32}};
    };
  });
  EXPECT_THAT(p.failures(check_values), SomeSay("infer says i32"));
}

TEST(PlantedOp, UndeclaredSavedTensorIsCaught) {
  const Planted p([](OpDef& op) { op.saves = Saves::none; });
  EXPECT_THAT(p.failures(check_gradient), SomeSay("which it does not declare in saves"));
  EXPECT_THAT(p.failures(check_saves), SomeSay("which is not declared in saves"));
}

TEST(PlantedOp, NeedlesslySavedTensorIsCaught) {
  const Planted p([](OpDef& op) { op.saves = Saves::inputs | Saves::outputs; });
  EXPECT_THAT(p.failures(check_saves),
              ElementsAre(HasSubstr("output 0, which its gradient never")));
}

TEST(PlantedOp, WrongValueIsCaught) {
  const Planted p([](OpDef& op) {
    op.reference = [](std::span<const Tensor> in, const Attrs&) {
      return TensorList{in[0] * in[0] + 1.001 * in[0]};
    };
  });
  EXPECT_THAT(p.failures(check_values), SomeSay("allowed relative error"));
}

TEST(PlantedOp, ChangedInputIsCaught) {
  const Planted p([](OpDef& op) {
    op.lower = [](std::span<const Tensor> in, const Attrs&) {
      const Tensor y = in[0] * in[0] + in[0];
      in[0].fill(0);
      return TensorList{y};
    };
  });
  EXPECT_THAT(p.failures(check_values), SomeSay("input 0 was changed"));
}

TEST(PlantedOp, WrongOnnxMappingIsCaught) {
  const Planted p([](OpDef& op) {
    op.onnx = onnx_custom([](OnnxWriter& w, const OnnxCall& call) {
      return OnnxNames{w.node("Mul", {call.inputs[0], call.inputs[0]})};
    });
  });
  EXPECT_THAT(p.failures(check_onnx), SomeSay("through ONNX"));
}

TEST(PlantedOp, NodeTypeThatOnnxDoesNotHaveIsCaught) {
  const Planted p([](OpDef& op) { op.onnx = onnx_node("Transmute"); });
  EXPECT_THAT(p.failures(check_onnx), SomeSay("Transmute"));
}

TEST(PlantedOp, BrokenLayoutPromiseIsCaught) {
  const Planted p([](OpDef& op) {
    op.lower = [](std::span<const Tensor> in, const Attrs&) {
      const Tensor y = in[0] * in[0] + in[0];
      return TensorList{copy_of(y)};
    };
  });
  EXPECT_THAT(p.failures(check_memory_orders), SomeSay("the input is channels last"));
}

TEST(PlantedOp, ValueThatDependsOnMemoryOrderIsCaught) {
  const Planted p([](OpDef& op) {
    op.lower = [](std::span<const Tensor> in, const Attrs&) {
      return TensorList{in[0].is_contiguous() ? in[0] * 1.0 : in[0] * 2.0};
    };
  });
  EXPECT_THAT(p.failures(check_memory_orders), SomeSay("inputs transposed"));
}

TEST(PlantedOp, ShapeRuleThatForgetsTheUnknownBatchIsCaught) {
  const Planted p([](OpDef& op) {
    op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
      MetaList metas{in[0]};
      for (std::int64_t& d : metas[0].shape) d = d == kDynamic ? 1 : d;
      return metas;
    };
  });
  EXPECT_THAT(p.failures(check_dynamic_batch), SomeSay("with an unknown leading dimension"));
}

TEST(PlantedOp, AcceptedBadCallIsCaught) {
  const Planted p([](OpDef& op) {
    op.bad = {{"too short", [](SampleMaker& m) { return m.sample({m.tensor({1})}); }}};
  });
  EXPECT_THAT(p.failures(check_refusals), ElementsAre(HasSubstr("the call was accepted")));
}

TEST(PlantedOp, OtherWordsOfARefusalAreCaught) {
  const Planted p([](OpDef& op) {
    op.bad = {{"too short",
               [](SampleMaker& m) { return m.sample({m.integers({2}, 0, 3, DType::i32)}); }}};
  });
  EXPECT_THAT(p.failures(check_refusals), ElementsAre(HasSubstr("does not say 'too short'")));
}

TEST(PlantedOp, ClaimToHaveNoGradientIsCheckedToo) {
  const Planted p([](OpDef& op) {
    op.vjp = {};
    op.no_gradient = "it is said to have none";
  });
  // The tape leaves it out; so the claim is kept and nothing is found.
  EXPECT_THAT(p.failures(check_gradient), IsEmpty());
}

TEST(PlantedOp, RandomNumbersThatIgnoreTheirKeyAreCaught) {
  const Planted p(
      [](OpDef& op) {
        op.random = true;
        op.vjp = {};
        op.no_gradient = "random";
        op.samples = [](SampleMaker& m) {
          return std::vector<Sample>{
              m.sample({m.tensor({9})}, {{"seed", std::int64_t{1}}, {"stream", std::int64_t{2}}})};
        };
      },
      "(x, seed: integer, stream: integer) -> y");
  EXPECT_THAT(p.failures(check_random),
              ElementsAre(HasSubstr("the seed does not matter"), HasSubstr("the stream does not")));
}

TEST(PlantedOp, RandomNumbersWithHiddenStateAreCaught) {
  static double state = 0;
  const Planted p(
      [](OpDef& op) {
        op.random = true;
        op.vjp = {};
        op.no_gradient = "random";
        op.lower = [](std::span<const Tensor> in, const Attrs&) {
          return TensorList{in[0] * (state += 1)};
        };
        op.samples = [](SampleMaker& m) {
          return std::vector<Sample>{
              m.sample({m.tensor({9})}, {{"seed", std::int64_t{1}}, {"stream", std::int64_t{2}}})};
        };
      },
      "(x, seed: integer, stream: integer) -> y");
  EXPECT_THAT(p.failures(check_random), SomeSay("the same key gives other numbers"));
  EXPECT_THAT(p.failures(check_threads), SomeSay("has other bits with 2 threads"));
  EXPECT_THAT(p.failures(check_capture), SomeSay("captured differs from eager"));
}

}  // namespace
}  // namespace athanor::op_suite
