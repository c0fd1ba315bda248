#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/core/onnx.hpp"
#include "athanor/ops/core/scan.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(cumsum, "(x, axis: integer, exclusive: flag = false, reverse: flag = false) -> y") {
  op.doc =
      "Running sum along an axis: y[k] = x[0] + ... + x[k]. `exclusive` leaves out x[k] itself, "
      "`reverse` begins at the end. Integers and bool give i64. The order of additions depends on "
      "the shape alone; f32 and narrower are summed in f64 and rounded once.";
  op.dtypes = kAnyDType;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_scan("cumsum", in[0], a);
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Shape& shape = in[0].shape();
    const auto axis =
        static_cast<std::size_t>(normalize_axis(a.integer("axis"), in[0].rank(), "cumsum"));
    const std::int64_t step = contiguous_strides(shape)[axis], size = shape[axis];
    std::vector<double> values = in[0].to_vector<double>();
    for (std::int64_t begin = 0; begin < in[0].count(); begin += step * size)
      for (std::int64_t inner = 0; inner < step; ++inner) {
        double total = 0;
        for (std::int64_t k = 0; k < size; ++k) {
          const std::int64_t at = a.flag("reverse") ? size - 1 - k : k;
          double& value = values[static_cast<std::size_t>(begin + inner + at * step)];
          const double before = total;
          total += value;
          value = a.flag("exclusive") ? before : total;
        }
      }
    return TensorList{from_doubles(values, shape, scan_dtype(in[0].dtype()))};
  };
  op.vjp = [](const Vjp& v) {
    const Attrs& a = v.attrs();
    return cumsum(v.grad(), a.integer("axis"), a.flag("exclusive"), !a.flag("reverse"));
  };
  op.amp = Precision::run_f32;
  op.batching = Batching::axes;
  op.onnx = onnx_custom(
      [](OnnxWriter& w, const OnnxCall& call) {
        const DType dtype = call.input_tensors[0].dtype();
        const std::string x = onnx_cast(w, call.inputs[0], dtype, scan_dtype(dtype));
        const auto axis = static_cast<double>(call.attrs.integer("axis"));
        return OnnxNames{w.node("CumSum", {x, onnx_scalar(w, axis, DType::i64)},
                                {{"exclusive", std::int64_t{call.attrs.flag("exclusive")}},
                                 {"reverse", std::int64_t{call.attrs.flag("reverse")}}})};
      },
      {{"CumSum", [](const OnnxReader& node) {
          const Tensor x = node.input(0);
          const Tensor y =
              cumsum(x, onnx_number<std::int64_t>(node, 1), node.integer("exclusive", 0) != 0,
                     node.integer("reverse", 0) != 0);
          // ONNX keeps the dtype; sums of small integers are wider here.
          return TensorList{y.dtype() == x.dtype() ? y : cast(y, x.dtype())};
        }}});
  op.samples = [](SampleMaker& m) {
    return scan_samples(m, [&m](const Shape& s) { return m.tensor(s, -3, 3); });
  };
  op.bad = bad_scans("cumsum");
}

}  // namespace athanor::ops
