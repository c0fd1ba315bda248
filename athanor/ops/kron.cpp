#include <algorithm>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

ATH_OP(kron, "(a, b) -> y") {
  op.doc =
      "The Kronecker product: b once for each element of a, times it; along each axis the size is "
      "the product of both. The one with fewer axes has axes of size 1 in front.";
  op.dtypes = kNumbers;
  op.infer = [](std::span<const TensorMeta> in, const Attrs&) {
    const Shape &a = in[0].shape, &b = in[1].shape;
    const std::size_t rank = std::max(a.size(), b.size());
    Shape shape(rank, 1);
    for (std::size_t i = 0; i < rank; ++i)
      for (const Shape* s : {&a, &b}) {
        const std::size_t lead = rank - s->size();
        if (i < lead) continue;
        require<ShapeError>((*s)[i - lead] != kDynamic,
                            "kron: a {} and b {} must have sizes that are known", describe(in[0]),
                            describe(in[1]));
        shape[i] *= (*s)[i - lead];
      }
    return MetaList{{shape, promote(in[0].dtype, in[1].dtype)}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs&) {
    const std::int64_t rank = std::max(in[0].rank(), in[1].rank());
    Shape left, right, shape;
    const auto size = [&](const Tensor& t, std::int64_t i) {
      return i < rank - t.rank() ? std::int64_t{1} : t.dim(i - (rank - t.rank()));
    };
    for (std::int64_t i = 0; i < rank; ++i) {
      left.push_back(size(in[0], i)), left.push_back(1);
      right.push_back(1), right.push_back(size(in[1], i));
      shape.push_back(left[static_cast<std::size_t>(2 * i)] * size(in[1], i));
    }
    if (element_count(shape) == 0)
      return TensorList{Tensor::zeros(shape, promote(in[0].dtype(), in[1].dtype()))};
    return TensorList{reshape(reshape(in[0], left) * reshape(in[1], right), shape)};
  };
  op.onnx = onnx_lowering();
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{
        m.sample({m.tensor({2, 3}), m.tensor({3, 2})}), m.sample({m.tensor({3}), m.tensor({2, 2})}),
        m.sample({m.tensor({2, 1, 2}), m.tensor({2})}), m.sample({m.tensor({}), m.tensor({2})})};
  };
}

}  // namespace athanor::ops
