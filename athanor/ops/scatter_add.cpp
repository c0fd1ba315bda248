#include "athanor/ops/core/scatter.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(scatter_add, "(x, index, source, axis: integer) -> y") {
  op.doc =
      "x with y[i, index[i, j, k], k] += source[i, j, k] for axis 1. Elements that meet in one "
      "place are added in the order of source, so the result does not depend on threads. index and "
      "source have one shape; negative indices count from the end. Throws IndexError for one "
      "outside.";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_scatter("scatter_add", in, a);
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{
        reference_scatter("scatter_add", in, a, [](double x, double s) { return x + s; })};
  };
  op.vjp = [](const Vjp& v) {
    return TensorList{v.grad(), {}, gather(v.grad(), v.input(1), v.attrs().integer("axis"))};
  };
  op.saves = Saves::input(1);
  op.onnx = onnx_custom(
      onnx_scatter("add"),
      {{"ScatterElements", [](const OnnxReader& node) {
          const std::string reduction = node.text("reduction", "none");
          require<UnsupportedError>(
              reduction == "none" || reduction == "add" || reduction == "max",
              "ONNX ScatterElements: reduction \"{}\" is not supported; none, add and max are",
              reduction);
          const auto run = reduction == "none"  ? scatter
                           : reduction == "add" ? scatter_add
                                                : scatter_max;
          return TensorList{
              run(node.input(0), node.input(1), node.input(2), node.integer("axis", 0))};
        }}});
  op.samples = [](SampleMaker& m) {
    return scatter_samples(m, [&m](const Shape& x, const Shape& source) {
      return TensorList{m.tensor(x), m.tensor(source)};
    });
  };
  op.bad = bad_scatters("scatter_add");
}

}  // namespace athanor::ops
