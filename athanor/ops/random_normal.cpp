#include <cmath>
#include <numbers>

#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(random_normal,
       "(shape: dims, seed: integer, stream: integer, mean: real = 0, std: real = 1, dtype: dtype "
       "= f32) -> y") {
  op.doc =
      "Normal numbers, a pure function of (seed, stream, position): Box-Muller on pairs of words "
      "of Philox counter i / 4 (f64: of 53 bits each, counter i / 2); an even element takes the "
      "cosine, the odd one after it the sine.";
  op.infer = [](std::span<const TensorMeta>, const Attrs& a) {
    const DType dtype = a.dtype("dtype");
    require<DTypeError>(is_floating(dtype), "random_normal: dtype {} is not floating",
                        name_of(dtype));
    require(a.real("std") >= 0, "random_normal: std is {}, it cannot be negative", a.real("std"));
    (void)element_count(a.dims("shape"));
    return MetaList{{a.dims("shape"), dtype}};
  };
  op.kernels_only = true;
  op.random = true;
  op.reference = [](std::span<const Tensor>, const Attrs& a) {
    const RandomKey key{static_cast<std::uint64_t>(a.integer("seed")),
                        static_cast<std::uint64_t>(a.integer("stream"))};
    const double mean = a.real("mean"), deviation = a.real("std");
    const Shape& shape = a.dims("shape");
    const bool wide = a.dtype("dtype") == DType::f64;
    std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto w = philox(key, wide ? i / 2 : i / 4);
      double u, v;  // u in (0, 1], v in [0, 1)
      if (wide) {
        u = static_cast<double>(((std::uint64_t{w[0]} << 32 | w[1]) >> 11) + 1) * 0x1p-53;
        v = static_cast<double>((std::uint64_t{w[2]} << 32 | w[3]) >> 11) * 0x1p-53;
      } else {
        u = (static_cast<double>(w[i % 4 / 2 * 2]) + 1) * 0x1p-32;
        v = static_cast<double>(to_unit(w[i % 4 / 2 * 2 + 1]));
      }
      const double angle = 2 * std::numbers::pi * v;
      const double unit = std::sqrt(-2 * std::log(u)) * (i % 2 ? std::sin(angle) : std::cos(angle));
      values[i] = mean + deviation * unit;
    }
    const Tensor y = Tensor::empty(shape, a.dtype("dtype"));
    y.copy_from(Tensor::from(values, shape));
    return TensorList{y};
  };
  op.no_gradient = "it has no input";
  op.onnx = onnx_none("ONNX does not say which numbers its generators give");
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{70}, Shape{}, Shape{3, 5}, Shape{2, 3, 4, 5}, Shape{0, 3}})
      samples.push_back(m.sample({}, {{"shape", shape},
                                      {"seed", std::int64_t{7}},
                                      {"stream", std::int64_t{11}},
                                      {"dtype", m.dtype()}}));
    samples.push_back(m.sample({}, {{"shape", Shape{1500}},
                                    {"seed", std::int64_t{-1}},
                                    {"stream", std::int64_t{1} << 40},
                                    {"mean", -2.0},
                                    {"std", 3.0},
                                    {"dtype", m.dtype()}}));
    return samples;
  };
  op.bad = {{"is not floating", [](SampleMaker& m) {
               return m.sample({}, {{"shape", Shape{2}},
                                    {"seed", std::int64_t{0}},
                                    {"stream", std::int64_t{0}},
                                    {"dtype", DType::i32}});
             }}};
}

}  // namespace athanor::ops
