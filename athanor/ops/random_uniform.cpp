#include "athanor/op/op.hpp"

namespace athanor::ops {

ATH_OP(random_uniform,
       "(shape: dims, seed: integer, stream: integer, low: real = 0, high: real = 1, dtype: dtype "
       "= f32) -> y") {
  op.doc =
      "Uniform numbers in [low, high), a pure function of (seed, stream, position): element i is "
      "made of the upper 24 bits of word i % 4 of Philox counter i / 4; in f64 of the upper 53 "
      "bits of two words. Rounding to the dtype may reach high.";
  op.infer = [](std::span<const TensorMeta>, const Attrs& a) {
    const DType dtype = a.dtype("dtype");
    require<DTypeError>(is_floating(dtype), "random_uniform: dtype {} is not floating",
                        name_of(dtype));
    (void)element_count(a.dims("shape"));
    return MetaList{{a.dims("shape"), dtype}};
  };
  op.kernels_only = true;
  op.random = true;
  op.reference = [](std::span<const Tensor>, const Attrs& a) {
    const RandomKey key{static_cast<std::uint64_t>(a.integer("seed")),
                        static_cast<std::uint64_t>(a.integer("stream"))};
    const double low = a.real("low"), high = a.real("high");
    const Shape& shape = a.dims("shape");
    const bool wide = a.dtype("dtype") == DType::f64;
    std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto w = philox(key, wide ? i / 2 : i / 4);
      const std::uint64_t high_word = w[i % 2 * 2], low_word = w[i % 2 * 2 + 1];
      const double unit = wide ? static_cast<double>((high_word << 32 | low_word) >> 11) * 0x1p-53
                               : static_cast<double>(to_unit(w[i % 4]));
      values[i] = low + (high - low) * unit;
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
                                    {"low", -2.0},
                                    {"high", 3.0},
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
