#include <cmath>
#include <vector>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/backends/cpu/norm_rows.hpp"
#include "athanor/base/error.hpp"
#include "athanor/base/parallel.hpp"

namespace athanor::backends::cpu {

namespace {

// Note [Rows of channels]
// All loops run over a matrix of rows x columns whose columns are channels. NHWC memory is such a
// matrix. NCHW memory is one matrix for each plane: a single column whose "channel" is the plane's.
// Sums are kept for each block of rows in T, at most kBlockRows of them, and added in the order of
// the blocks in float64, so they do not depend on the number of threads.
constexpr std::int64_t kBlockRows = 256;
constexpr std::int64_t kBlockValues = 1 << 14;
// From this size on a result does not stay in the caches until it is read, so it is written past
// them, which saves reading its lines first.
constexpr std::int64_t kStreamBytes = std::int64_t{8} << 20;

struct Grid {
  std::int64_t rows = 0, channels = 0;
  std::int64_t planes = 0, plane = 0;  // NCHW: N * C planes of `plane` values
  bool channels_inner = true;

  std::int64_t values() const { return channels_inner ? rows : planes / channels * plane; }
  std::int64_t block_rows() const {
    return std::clamp<std::int64_t>(kBlockValues / channels, 1, kBlockRows);
  }
};

bool rows_of_channels(const Tensor& x) {
  if (x.is_channels_last()) return true;
  if (!x.is_contiguous()) return false;
  for (std::int64_t i = 2; i < x.rank(); ++i)
    if (x.shape()[static_cast<std::size_t>(i)] != 1) return false;
  return true;
}

Grid grid_of(const Tensor& x) {
  Grid g;
  g.channels = x.dim(1);
  g.channels_inner = rows_of_channels(x);
  g.rows = x.count() / g.channels;
  g.planes = x.dim(0) * g.channels;
  g.plane = g.planes == 0 ? 0 : x.count() / g.planes;
  return g;
}

// x in one of the two orders.
Tensor ordered(const Tensor& x) {
  return x.is_contiguous() || x.is_channels_last() ? x : as_contiguous(x);
}

// t in the order of `like`.
Tensor ordered_as(const Tensor& t, const Tensor& like) {
  if (like.is_contiguous()) return as_contiguous(t);
  if (t.is_channels_last()) return t;
  const Tensor out = Tensor::empty_strided(like.shape(), like.strides(), t.dtype());
  copy_into(t, out);
  return out;
}

Fused fused_of(const Attrs& attrs) {
  const std::string& name = attrs.text("activation");
  return name == "none" ? Fused::none : name == "relu" ? Fused::relu : Fused::relu6;
}

template <class T>
std::vector<T> values_of(const Tensor& vector) {
  return vector.to_vector<T>();
}

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 64 == 0; }

template <class T>
bool use_stream(const Grid& g, const T* out) {
  return g.channels_inner && g.channels % 16 == 0 && aligned(out) &&
         g.rows * g.channels * static_cast<std::int64_t>(sizeof(T)) >= kStreamBytes;
}

// Adds two sums for each channel over all values. part(begin, rows, channel, sum, other) adds rows
// of the matrix, or values of a plane, to them.
template <class T, class Part>
void reduce(const Grid& g, const Part& part, double* sum, double* other) {
  const std::int64_t c = g.channels;
  std::fill_n(sum, c, 0.0);
  std::fill_n(other, c, 0.0);
  if (g.channels_inner) {
    const std::int64_t block = g.block_rows(), blocks = (g.rows + block - 1) / block;
    std::vector<T> partial(static_cast<std::size_t>(blocks * 2 * c));
    parallel_for(g.rows, block, [&](std::int64_t begin, std::int64_t end) {
      T* at = partial.data() + begin / block * 2 * c;
      part(begin * c, end - begin, std::int64_t{0}, at, at + c);
    });
    for (std::int64_t b = 0; b < blocks; ++b)
      for (std::int64_t i = 0; i < c; ++i) {
        sum[i] += static_cast<double>(partial[static_cast<std::size_t>(b * 2 * c + i)]);
        other[i] += static_cast<double>(partial[static_cast<std::size_t>((b * 2 + 1) * c + i)]);
      }
    return;
  }
  std::vector<double> partial(static_cast<std::size_t>(g.planes * 2));
  parallel_for(
      g.planes, std::max<std::int64_t>(1, kBlockValues / std::max<std::int64_t>(g.plane, 1)),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t p = begin; p < end; ++p) {
          for (std::int64_t at = 0; at < g.plane; at += kBlockRows) {
            T pair[2] = {0, 0};
            part(p * g.plane + at, std::min(kBlockRows, g.plane - at), p % c, pair, pair + 1);
            partial[static_cast<std::size_t>(2 * p)] += static_cast<double>(pair[0]);
            partial[static_cast<std::size_t>(2 * p + 1)] += static_cast<double>(pair[1]);
          }
        }
      });
  for (std::int64_t p = 0; p < g.planes; ++p) {
    sum[p % c] += partial[static_cast<std::size_t>(2 * p)];
    other[p % c] += partial[static_cast<std::size_t>(2 * p + 1)];
  }
}

// Calls part(begin, rows, channel) over the whole matrix, or over every plane.
template <class Part>
void for_all(const Grid& g, const Part& part) {
  if (g.channels_inner) {
    const std::int64_t block = std::max<std::int64_t>(1, (1 << 15) / g.channels);
    parallel_for(g.rows, block, [&](std::int64_t begin, std::int64_t end) {
      part(begin * g.channels, end - begin, std::int64_t{0});
    });
    return;
  }
  parallel_for(g.planes,
               std::max<std::int64_t>(1, kBlockValues / std::max<std::int64_t>(g.plane, 1)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t p = begin; p < end; ++p)
                   part(p * g.plane, g.plane, p % g.channels);
               });
}

// The vectors of one normalisation.
template <class T>
struct Channels {
  std::vector<T> mean, scale, bias;

  Channels(std::vector<T> m, const Tensor& variance, const Tensor& weight, const Tensor& b,
           double epsilon)
      : mean(std::move(m)), bias(values_of<T>(b)) {
    const auto v = variance.to_vector<double>(), w = weight.to_vector<double>();
    scale.resize(v.size());
    for (std::size_t i = 0; i < v.size(); ++i)
      scale[i] = static_cast<T>(w[i] / std::sqrt(v[i] + epsilon));
  }
  ChannelAffine<T> at(std::int64_t channel) const {
    return {mean.data() + channel, scale.data() + channel, bias.data() + channel};
  }
};

// Of a plane there is one column: its loops run along it with the vectors repeated, which is done
// by giving them a row of kLanes equal values.
constexpr std::int64_t kLanes = 16;

template <class T>
struct Repeated {
  T mean[kLanes], scale[kLanes], bias[kLanes];
  Repeated(const ChannelAffine<T>& a) {  // NOLINT
    std::fill_n(mean, kLanes, *a.mean);
    std::fill_n(scale, kLanes, *a.scale);
    std::fill_n(bias, kLanes, *a.bias);
  }
  ChannelAffine<T> affine() const { return {mean, scale, bias}; }
};

template <class T>
T total(const T* lanes) {
  T t = 0;
  for (std::int64_t i = 0; i < kLanes; ++i) t += lanes[i];
  return t;
}

template <class T>
void normalise(const Grid& g, const T* x, const Channels<T>& channels, Fused fused, T* y) {
  const bool stream = use_stream(g, y);
  for_all(g, [&](std::int64_t begin, std::int64_t rows, std::int64_t channel) {
    const ChannelAffine<T> a = channels.at(channel);
    if (g.channels_inner)
      return norm_apply(x + begin, rows, g.channels, a, fused, y + begin, stream);
    const Repeated<T> r(a);
    norm_apply(x + begin, rows / kLanes, kLanes, r.affine(), fused, y + begin, false);
    const std::int64_t done = rows / kLanes * kLanes;
    norm_apply(x + begin + done, rows - done, 1, a, fused, y + begin + done, false);
  });
}

// A value near each channel's mean: the mean of its first values. Squares around it do not cancel.
template <class T>
std::vector<T> pivots(const Grid& g, const T* x) {
  const std::int64_t count = std::min<std::int64_t>(g.channels_inner ? g.rows : g.plane, 16);
  std::vector<T> pivot(static_cast<std::size_t>(g.channels));
  for (std::int64_t c = 0; c < g.channels; ++c) {
    double s = 0;
    for (std::int64_t r = 0; r < count; ++r)
      s += static_cast<double>(g.channels_inner ? x[r * g.channels + c] : x[c * g.plane + r]);
    pivot[static_cast<std::size_t>(c)] = static_cast<T>(s / static_cast<double>(count));
  }
  return pivot;
}

template <class T>
void train(const KernelCall& call, const Tensor& x, const Tensor& y) {
  const Grid g = grid_of(x);
  const T* px = x.data<T>();
  const std::vector<T> shift = pivots(g, px);
  const auto c = static_cast<std::size_t>(g.channels);
  std::vector<double> sum(c), square(c);
  reduce<T>(
      g,
      [&](std::int64_t begin, std::int64_t rows, std::int64_t channel, T* s, T* q) {
        if (g.channels_inner) return norm_sums(px + begin, rows, g.channels, shift.data(), s, q);
        T k[kLanes], sums[kLanes] = {}, squares[kLanes] = {};
        std::fill_n(k, kLanes, shift[static_cast<std::size_t>(channel)]);
        norm_sums(px + begin, rows / kLanes, kLanes, k, sums, squares);
        *s = total(sums), *q = total(squares);
        const std::int64_t done = rows / kLanes * kLanes;
        norm_sums(px + begin + done, rows - done, 1, k, s, q);
      },
      sum.data(), square.data());
  const double n = static_cast<double>(g.values());
  T *mean = call.outputs[1].data<T>(), *variance = call.outputs[2].data<T>();
  for (std::size_t i = 0; i < c; ++i) {
    const double d = sum[i] / n;
    mean[i] = static_cast<T>(static_cast<double>(shift[i]) + d);
    const double v = square[i] / n - d * d;
    variance[i] = static_cast<T>(v < 0 ? 0 : v);
  }
  const Channels<T> channels({mean, mean + c}, call.outputs[2], call.inputs[1], call.inputs[2],
                             call.attrs.real("epsilon"));
  normalise(g, px, channels, fused_of(call.attrs), y.data<T>());
}

template <class T>
void train_grad(const KernelCall& call, const Tensor& x, const Tensor& grad, const Tensor& dx) {
  const Grid g = grid_of(x);
  const T *px = x.data<T>(), *pg = grad.data<T>();
  const double epsilon = call.attrs.real("epsilon");
  const Fused fused = fused_of(call.attrs);
  const Channels<T> channels(values_of<T>(call.inputs[4]), call.inputs[5], call.inputs[2],
                             call.inputs[3], epsilon);
  const auto c = static_cast<std::size_t>(g.channels);
  std::vector<double> sum(c), product(c);
  reduce<T>(
      g,
      [&](std::int64_t begin, std::int64_t rows, std::int64_t channel, T* s, T* p) {
        const ChannelAffine<T> a = channels.at(channel);
        if (g.channels_inner)
          return norm_grad_sums(px + begin, pg + begin, rows, g.channels, a, fused, s, p);
        const Repeated<T> r(a);
        T sums[kLanes] = {}, products[kLanes] = {};
        norm_grad_sums(px + begin, pg + begin, rows / kLanes, kLanes, r.affine(), fused, sums,
                       products);
        *s = total(sums), *p = total(products);
        const std::int64_t done = begin + rows / kLanes * kLanes;
        norm_grad_sums(px + done, pg + done, begin + rows - done, 1, a, fused, s, p);
      },
      sum.data(), product.data());
  const auto variance = call.inputs[5].to_vector<double>();
  const auto weight = call.inputs[2].to_vector<double>();
  const double n = static_cast<double>(std::max<std::int64_t>(g.values(), 1));
  std::vector<T> offset(c), slope(c);
  std::vector<double> weight_sums(c);
  for (std::size_t i = 0; i < c; ++i) {
    const double inverse = 1 / std::sqrt(variance[i] + epsilon), scale = weight[i] * inverse;
    weight_sums[i] = product[i] * inverse;
    offset[i] = static_cast<T>(scale * sum[i] / n);
    slope[i] = static_cast<T>(scale * inverse * inverse * product[i] / n);
  }
  copy_into(Tensor::from(weight_sums, {g.channels}), call.outputs[1]);
  copy_into(Tensor::from(sum, {g.channels}), call.outputs[2]);
  if (x.count() == 0) return;
  T* out = dx.data<T>();
  const bool stream = use_stream(g, out);
  for_all(g, [&](std::int64_t begin, std::int64_t rows, std::int64_t channel) {
    const ChannelAffine<T> a = channels.at(channel);
    const T *o = offset.data() + channel, *k = slope.data() + channel;
    if (g.channels_inner)
      return norm_grad_apply(px + begin, pg + begin, rows, g.channels, a, fused, o, k, out + begin,
                             stream);
    const Repeated<T> r(a);
    T offsets[kLanes], slopes[kLanes];
    std::fill_n(offsets, kLanes, *o);
    std::fill_n(slopes, kLanes, *k);
    norm_grad_apply(px + begin, pg + begin, rows / kLanes, kLanes, r.affine(), fused, offsets,
                    slopes, out + begin, false);
    const std::int64_t done = begin + rows / kLanes * kLanes;
    norm_grad_apply(px + done, pg + done, begin + rows - done, 1, a, fused, o, k, out + done,
                    false);
  });
}

template <class T>
void inference(const KernelCall& call, const Tensor& x, const Tensor& y) {
  const Channels<T> channels(values_of<T>(call.inputs[3]), call.inputs[4], call.inputs[1],
                             call.inputs[2], call.attrs.real("epsilon"));
  normalise(grid_of(x), x.data<T>(), channels, fused_of(call.attrs), y.data<T>());
}

// The output, or a tensor of the work dtype and x's order that is copied to it in the end.
Tensor work_output(const Tensor& y, const Tensor& x, DType work) {
  if (y.dtype() == work && y.is_contiguous() == x.is_contiguous()) return y;
  return Tensor::empty_strided(x.shape(), x.strides(), work);
}

DType work_dtype(const Tensor& x) { return x.dtype() == DType::f64 ? DType::f64 : DType::f32; }

void batch_norm_train_kernel(const KernelCall& call) {
  const DType work = work_dtype(call.inputs[0]);
  const Tensor x = ordered(as_dtype(call.inputs[0], work));
  const Tensor y = work_output(call.outputs[0], x, work);
  work == DType::f64 ? train<double>(call, x, y) : train<float>(call, x, y);
  if (!y.same(call.outputs[0])) copy_into(y, call.outputs[0]);
}

void batch_norm_train_grad_kernel(const KernelCall& call) {
  const DType work = work_dtype(call.inputs[0]);
  const Tensor x = ordered(as_dtype(call.inputs[0], work));
  const Tensor grad = ordered_as(as_dtype(call.inputs[1], work), x);
  const Tensor dx = work_output(call.outputs[0], x, work);
  work == DType::f64 ? train_grad<double>(call, x, grad, dx) : train_grad<float>(call, x, grad, dx);
  if (!dx.same(call.outputs[0])) copy_into(dx, call.outputs[0]);
}

void batch_norm_inference_kernel(const KernelCall& call) {
  if (call.outputs[0].count() == 0) return;
  const DType work = work_dtype(call.inputs[0]);
  const Tensor x = ordered(as_dtype(call.inputs[0], work));
  const Tensor y = work_output(call.outputs[0], x, work);
  work == DType::f64 ? inference<double>(call, x, y) : inference<float>(call, x, y);
  if (!y.same(call.outputs[0])) copy_into(y, call.outputs[0]);
}

}  // namespace

void register_norm(KernelTable& t) {
  t.set("batch_norm_train", Device::cpu, batch_norm_train_kernel, kFloats);
  t.set("batch_norm_train_grad", Device::cpu, batch_norm_train_grad_kernel, kFloats);
  t.set("batch_norm_inference", Device::cpu, batch_norm_inference_kernel, kFloats);
}

}  // namespace athanor::backends::cpu
