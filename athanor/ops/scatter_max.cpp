#include <cmath>

#include "athanor/ops/core/scatter.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(scatter_max, "(x, index, source, axis: integer) -> y") {
  op.doc =
      "x with y[i, index[i, j, k], k] the largest of itself and source[i, j, k] for axis 1; NaN "
      "wins over every number. Of x's element and those of source that meet in one place, the "
      "ones that tie for the largest share the gradient evenly. index and source have one shape; "
      "negative indices count from the end. Throws IndexError for one outside.";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    return infer_scatter("scatter_max", in, a);
  };
  op.kernels_only = true;
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{reference_scatter("scatter_max", in, a, [](double x, double s) {
      return !std::isnan(x) && (std::isnan(s) || s > x) ? s : x;
    })};
  };
  op.vjp = [](const Vjp& v) {
    const Tensor &index = v.input(1), &y = v.output();
    const std::int64_t axis = v.attrs().integer("axis");
    const Tensor own = cast(eq(v.input(0), y), y.dtype());
    const Tensor arrived = cast(eq(v.input(2), gather(y, index, axis)), y.dtype());
    // At least one has the value, but for NaN, which equals nothing.
    const Tensor ties = maximum(scatter_add(own, index, arrived, axis), number_like(1, y));
    const Tensor share = v.grad() / ties;
    return TensorList{own * share, {}, arrived * gather(share, index, axis)};
  };
  op.saves = Saves::inputs | Saves::outputs;
  op.onnx = onnx_none("ScatterElements takes max from opset 18 on");
  op.samples = [](SampleMaker& m) {
    return scatter_samples(m, [&m](const Shape& x, const Shape& source) {
      // All values differ: ties have no derivative.
      const std::int64_t first = element_count(x), second = element_count(source);
      const Tensor all = m.distinct({first + second});
      return TensorList{all.view_as(x, contiguous_strides(x), 0),
                        all.view_as(source, contiguous_strides(source), second ? first : 0)};
    });
  };
  op.bad = bad_scatters("scatter_max");
}

}  // namespace athanor::ops
