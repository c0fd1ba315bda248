#include "athanor/base/error.hpp"
#include "athanor/graph/capture.hpp"
#include "athanor/graph/executor.hpp"
#include "athanor/io/onnx/onnx.hpp"
#include "athanor/op/dispatch.hpp"
#include "graph_of.hpp"
#include "suite.hpp"

namespace athanor::op_suite {

graph::Graph graph_of(const Call& call) {
  std::vector<graph::NamedMeta> metas;
  for (std::size_t i = 0; i < call.sample.inputs.size(); ++i)
    if (call.sample.inputs[i].defined())
      metas.push_back({fmt::format("in_{}", i), meta_of(call.sample.inputs[i])});
  return graph::capture(
      [&](const TensorList& symbols) {
        TensorList inputs;
        std::size_t next = 0;
        for (const Tensor& t : call.sample.inputs)
          inputs.push_back(t.defined() ? symbols[next++] : Tensor());
        return call.run(inputs);
      },
      metas);
}

TensorList defined_inputs(const Call& call) {
  TensorList inputs;
  for (const Tensor& t : call.sample.inputs)
    if (t.defined()) inputs.push_back(t);
  return inputs;
}

void check_capture(const Call& call, Report& report) {
  const NoGrad no_grad;
  const TensorList eager = call.run();
  const TensorList captured = graph::Executor(graph_of(call)).run(defined_inputs(call));
  report.checked();
  if (captured.size() != eager.size()) {
    report.fail(call.name(), "captured it has {} outputs, eager {}", captured.size(), eager.size());
    return;
  }
  for (std::size_t i = 0; i < eager.size(); ++i)
    if (!same_bits(eager[i], captured[i]))
      report.fail(call.name(), "output {} captured differs from eager: {} against {}", i,
                  to_string(captured[i]), to_string(eager[i]));
}

void check_dynamic_batch(const Call& call, Report& report) {
  if (call.sample.inputs.empty() || !call.sample.inputs[0].defined() ||
      call.sample.inputs[0].rank() == 0)
    return;
  SmallVector<TensorMeta, 4> fixed, open;
  for (const Tensor& t : call.sample.inputs) fixed.push_back(meta_of(t));
  open = fixed;
  const std::int64_t batch = fixed[0].shape[0];
  // Every input that shares the leading dimension has the unknown one.
  for (std::size_t i = 0; i < open.size(); ++i)
    if (open[i].shape.size() == open[0].shape.size() && !open[i].shape.empty() &&
        open[i].shape[0] == batch)
      open[i].shape[0] = kDynamic;
  const MetaList known = infer(call.op, fixed, call.sample.attrs);
  MetaList unknown;
  report.checked();
  try {
    unknown = infer(call.op, open, call.sample.attrs);
  } catch (const InternalError& error) {
    report.fail(call.name(), "infer fails on an unknown leading dimension: {}", error.what());
    return;
  } catch (const Error&) {
    return;  // this call needs to know it
  }
  for (std::size_t i = 0; i < known.size(); ++i) {
    bool fits =
        known[i].shape.size() == unknown[i].shape.size() && known[i].dtype == unknown[i].dtype;
    for (std::size_t d = 0; fits && d < known[i].shape.size(); ++d)
      fits = unknown[i].shape[d] == known[i].shape[d] || unknown[i].shape[d] == kDynamic;
    if (!fits)
      report.fail(call.name(), "with an unknown leading dimension infer gives {} for output {}, {}",
                  to_string(unknown[i].shape), i, to_string(known[i].shape));
  }
}

void check_onnx(const Call& call, Report& report) {
  if (call.op.onnx.kind == OnnxMap::Kind::none) {
    report.checked();
    if (call.op.onnx.reason.empty())
      report.fail(call.name(), "has no ONNX form and gives no reason");
    return;
  }
  const NoGrad no_grad;
  const TensorList expected = call.run();
  const graph::Graph graph = graph_of(call);
  if (const std::string reason = call.op.onnx.refusal(call.sample.attrs); !reason.empty()) {
    report.checked();
    try {
      (void)io::export_onnx(graph);
      report.fail(call.name(), "is exported, its record refuses: {}", reason);
    } catch (const UnsupportedError& error) {
      if (std::string(error.what()).find(reason) == std::string::npos)
        report.fail(call.name(), "'{}' does not say '{}'", error.what(), reason);
    }
    return;
  }
  const auto bytes = io::export_onnx(graph);
  report.checked();
  if (bytes != io::export_onnx(graph)) report.fail(call.name(), "two exports differ");
  const TensorList outputs = graph::Executor(io::import_onnx(bytes)).run(defined_inputs(call));
  // Real attributes of ONNX nodes are f32.
  DType precision = DType::f64;
  for (const auto& attribute : call.op.signature.attributes)
    if (attribute.type == AttrType::real) precision = DType::f32;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    report.checked();
    if (outputs[i].dtype() != expected[i].dtype()) {
      report.fail(call.name(), "output {} comes back from ONNX as {}, it was {}", i,
                  describe(outputs[i]), describe(expected[i]));
      continue;
    }
    const std::string d = difference(call, outputs[i], expected[i], precision);
    if (!d.empty()) report.fail(call.name(), "through ONNX, output {}: {}", i, d);
  }
}

}  // namespace athanor::op_suite
