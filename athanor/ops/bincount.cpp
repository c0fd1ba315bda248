#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

ATH_OP(bincount, "(x, size: integer) -> y") {
  op.doc =
      "How often each of the whole numbers 0 ... size - 1 is in x, integers of any shape: i64 "
      "[size]. Negative ones count from the end. Throws IndexError for one outside.";
  op.dtypes = dtype_bit(DType::i32) | dtype_bit(DType::i64);
  op.infer = [](std::span<const TensorMeta>, const Attrs& a) {
    const std::int64_t size = a.integer("size");
    require(size >= 0 && size <= (std::int64_t{1} << 40),
            "bincount: size is {}; it must be in [0, 2^40]", size);
    return MetaList{{{size}, DType::i64}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    const Tensor index = reshape(in[0], {in[0].count()});
    return TensorList{index_add(Tensor::zeros({a.integer("size")}, DType::i64), index,
                                Tensor::ones({in[0].count()}, DType::i64), 0)};
  };
  op.no_gradient = "it counts";
  op.onnx = onnx_none("ONNX Runtime has no scatter that adds whole numbers");
  op.samples = [](SampleMaker& m) {
    return std::vector<Sample>{m.sample({m.integers({7}, 0, 4, m.dtype())}, {{"size", 4}}),
                               m.sample({m.integers({2, 3}, 0, 4, m.dtype())}, {{"size", 6}}),
                               m.sample({m.integers({0}, 0, 1, m.dtype())}, {{"size", 3}})};
  };
  op.bad = {{"bincount: size is -1", [](SampleMaker& m) {
               return m.sample({m.integers({3}, 0, 2, m.dtype())}, {{"size", -1}});
             }}};
}

}  // namespace athanor::ops
