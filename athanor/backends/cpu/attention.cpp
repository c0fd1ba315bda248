#include <algorithm>
#include <cmath>
#include <vector>

#include "athanor/backends/cpu/dnnl.hpp"
#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/backends/cpu/random.hpp"
#include "athanor/backends/cpu/simd.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/ops/core/attention.hpp"

// Attention block by block (Dao 2023, arXiv:2307.08691): a block of scores lives in the
// second-level cache, and its products are those of oneDNN. Half precision is widened before and
// narrowed behind.
namespace athanor::backends::cpu {

namespace {

// Measured on [2, 12, 1024, 64] over blocks of 32 to 128 queries and 64 to 512 keys.
constexpr std::int64_t kQueries = 64, kKeys = 256;

// A tensor [B, H, rows, columns] whose rows lie in one piece.
struct Matrices {
  Tensor tensor;
  std::int64_t batch = 0, head = 0, row = 0;  // strides

  explicit Matrices(const Tensor& given) : tensor(as_dtype(given, DType::f32)) {
    if (tensor.strides()[3] != 1 && tensor.shape()[3] > 1) tensor = as_contiguous(tensor);
    batch = tensor.strides()[0], head = tensor.strides()[1], row = tensor.strides()[2];
    // BLAS wants rows apart from one another.
    if (row < std::max<std::int64_t>(tensor.shape()[3], 1)) {
      tensor = as_contiguous(tensor);
      batch = tensor.strides()[0], head = tensor.strides()[1], row = tensor.strides()[2];
      if (row < tensor.shape()[3]) row = tensor.shape()[3];
    }
  }
  float* at(std::int64_t b, std::int64_t h, std::int64_t i = 0) const {
    return static_cast<float*>(tensor.raw()) + b * batch + h * head + i * row;
  }
};

// The mask as bytes or numbers, broadcast to [B, H, T, S].
class Mask {
 public:
  Mask(const Tensor& mask, const ops::AttentionShape& s) {
    if (!mask.defined()) return;
    const bool flags = mask.dtype() == DType::boolean;
    tensor_ = flags ? mask : as_dtype(mask, DType::f32);
    const Shape full{s.batch, s.heads, s.queries, s.keys};
    const std::size_t missing = 4 - tensor_.shape().size();
    for (std::size_t i = missing; i < 4; ++i)
      if (tensor_.shape()[i - missing] != 1) strides_[i] = tensor_.strides()[i - missing];
    (flags ? flags_ : numbers_) = true;
  }
  // Applies the mask of query i, keys j .. j + count to a row of scores.
  void apply(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t j, std::int64_t count,
             float* scores) const {
    const std::int64_t at = b * strides_[0] + h * strides_[1] + i * strides_[2] + j * strides_[3];
    if (flags_) {
      const bool* visible = static_cast<const bool*>(tensor_.raw()) + at;
      for (std::int64_t k = 0; k < count; ++k)
        if (!visible[k * strides_[3]]) scores[k] = -INFINITY;
    }
    if (numbers_) {
      const float* bias = static_cast<const float*>(tensor_.raw()) + at;
      for (std::int64_t k = 0; k < count; ++k) scores[k] += bias[k * strides_[3]];
    }
  }

 private:
  Tensor tensor_;
  std::int64_t strides_[4] = {0, 0, 0, 0};
  bool flags_ = false, numbers_ = false;
};

// The numbers of the op dropout on [B, H, T, S].
class Dropout {
 public:
  explicit Dropout(const Attrs& attrs)
      : rate_(attrs.real("dropout")),
        key_{static_cast<std::uint64_t>(attrs.integer("seed")),
             static_cast<std::uint64_t>(attrs.integer("stream"))} {}
  bool on() const { return rate_ > 0; }
  // y[k] = x[k] / (1 - p), or 0, for the elements from `index` on; x and y may be the same.
  void row(std::int64_t index, const float* x, float* y, std::int64_t count,
           std::vector<std::uint32_t>& words) const {
    const auto first = static_cast<std::uint64_t>(index) / 4,
               skip = static_cast<std::uint64_t>(index) % 4;
    const std::size_t counters = (static_cast<std::size_t>(count) + skip + 3) / 4;
    words.resize(4 * counters);
    philox_words(key_, first, counters, words.data());
    drop_by_words(words.data() + skip, static_cast<std::uint32_t>(std::ceil(rate_ * 0x1p32)), x,
                  static_cast<float>(1 / (1 - rate_)), y, static_cast<std::size_t>(count));
  }

 private:
  double rate_;
  RandomKey key_;
};

// What both passes read.
struct Problem {
  ops::AttentionShape s;
  Matrices q, k, v;
  Mask mask;
  Dropout dropout;
  float scale;
  bool causal;

  Problem(const char* op, const Tensor& q_, const Tensor& k_, const Tensor& v_, const Tensor& mask_,
          const Attrs& attrs)
      : s(ops::check_attention(op, meta_of(q_), meta_of(k_), meta_of(v_),
                               mask_.defined() ? meta_of(mask_) : TensorMeta{}, attrs)),
        q(q_),
        k(k_),
        v(v_),
        mask(mask_, s),
        dropout(attrs),
        scale(static_cast<float>(ops::attention_scale(attrs, s.size))),
        causal(attrs.flag("causal")) {}

  // Behind the last key that a query of the block [.., end) may look at.
  std::int64_t keys_of(std::int64_t end) const {
    return causal ? std::clamp<std::int64_t>(end + s.keys - s.queries, 0, s.keys) : s.keys;
  }
  // Scores of queries i .. i + rows and keys j .. j + columns of a head, one row after the other.
  void scores(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t rows, std::int64_t j,
              std::int64_t columns, float* out) const {
    onednn::sgemm(false, true, rows, columns, s.size, q.at(b, h, i), q.row,
                  k.at(b, h / (s.heads / s.key_heads), j), k.row, 0, out, columns, 1);
    for (std::int64_t r = 0; r < rows; ++r) {
      float* row = out + r * columns;
      scale_run(row, scale, row, columns);
      mask.apply(b, h, i + r, j, columns, row);
      if (causal)
        for (std::int64_t c = std::max<std::int64_t>(0, i + r + s.keys - s.queries + 1 - j);
             c < columns; ++c)
          row[c] = -INFINITY;
    }
  }
  std::int64_t place(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t j) const {
    return ((b * s.heads + h) * s.queries + i) * s.keys + j;
  }
};

std::size_t area(std::int64_t rows, std::int64_t columns) {
  return static_cast<std::size_t>(rows * columns);
}

// One block of queries of one head.
void forward_block(const Problem& p, std::int64_t b, std::int64_t h, std::int64_t begin,
                   std::int64_t end, float* y, float* log_sum) {
  const std::int64_t rows = end - begin, width = p.s.value_size;
  std::vector<float> block(area(rows, kKeys)), sum(area(rows, width));
  std::vector<float> top(static_cast<std::size_t>(rows), -INFINITY), total(top.size());
  std::vector<std::uint32_t> words;
  const std::int64_t keys = p.keys_of(end);
  for (std::int64_t j = 0; j < keys; j += kKeys) {
    const std::int64_t columns = std::min(kKeys, keys - j);
    p.scores(b, h, begin, rows, j, columns, block.data());
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto at = static_cast<std::size_t>(r);
      float* row = block.data() + r * columns;
      const float best = std::max(top[at], peak_run(row, columns));
      // A row of -infinity alone stays at 0.
      const float shift = best == -INFINITY ? 0 : best;
      const float shrink = std::exp(top[at] - shift);
      total[at] = total[at] * shrink + exp_sum(row, shift, row, columns);
      if (shrink != 1) scale_run(sum.data() + r * width, shrink, sum.data() + r * width, width);
      top[at] = best;
      if (p.dropout.on()) p.dropout.row(p.place(b, h, begin + r, j), row, row, columns, words);
    }
    onednn::sgemm(false, false, rows, width, columns, block.data(), columns,
                  p.v.at(b, h / (p.s.heads / p.s.key_heads), j), p.v.row, 1, sum.data(), width, 1);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto at = static_cast<std::size_t>(r);
    const float share = total[at] > 0 ? 1 / total[at] : 0;
    scale_run(sum.data() + r * width, share, y + r * width, width);
    log_sum[r] = total[at] > 0 ? top[at] + std::log(total[at]) : -INFINITY;
  }
}

// A contiguous f32 tensor to write: the output itself, or one that is narrowed into it afterwards.
Tensor target(const Tensor& output) {
  return output.dtype() == DType::f32 ? output : Tensor::empty(output.shape(), DType::f32);
}
void finish(const Tensor& written, const Tensor& output) {
  if (!written.same(output)) copy_into(written, output);
}

void forward(const KernelCall& call) {
  const Problem p("attention_forward", call.inputs[0], call.inputs[1], call.inputs[2],
                  call.inputs[3], call.attrs);
  if (call.outputs[1].count() == 0) return;
  const Tensor y = target(call.outputs[0]);
  float *out = y.data<float>(), *log_sums = call.outputs[1].data<float>();
  const std::int64_t blocks = (p.s.queries + kQueries - 1) / kQueries;
  parallel_for(p.s.batch * p.s.heads * blocks, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t task = first; task < last; ++task) {
      const std::int64_t head = task / blocks, begin = task % blocks * kQueries;
      const std::int64_t row = head * p.s.queries + begin;
      forward_block(p, head / p.s.heads, head % p.s.heads, begin,
                    std::min(begin + kQueries, p.s.queries), out + row * p.s.value_size,
                    log_sums + row);
    }
  });
  finish(y, call.outputs[0]);
}

// What the backward pass reads besides, and where it writes; all [B, H, rows, columns] in one
// piece.
struct Gradients {
  Matrices grad;
  const float* log_sum;
  std::vector<float> through;  // sum of grad * y of each query, less the gradient by logsumexp
  float *dq, *dk, *dv;
};

// All blocks of the heads that share key head `h`: its gradients are sums over them.
void backward_head(const Problem& p, const Gradients& g, std::int64_t b, std::int64_t key_head) {
  const std::int64_t group = p.s.heads / p.s.key_heads, size = p.s.size, width = p.s.value_size;
  std::vector<float> prob(area(kQueries, kKeys)), slope(prob.size()), dropped;
  if (p.dropout.on()) dropped.resize(prob.size());
  std::vector<std::uint32_t> words;
  const std::int64_t own = (b * p.s.key_heads + key_head) * p.s.keys;
  for (std::int64_t h = key_head * group; h < (key_head + 1) * group; ++h)
    for (std::int64_t i = 0; i < p.s.queries; i += kQueries) {
      const std::int64_t rows = std::min(kQueries, p.s.queries - i), keys = p.keys_of(i + rows);
      const std::int64_t line = (b * p.s.heads + h) * p.s.queries + i;
      for (std::int64_t j = 0; j < keys; j += kKeys) {
        const std::int64_t columns = std::min(kKeys, keys - j);
        p.scores(b, h, i, rows, j, columns, prob.data());
        onednn::sgemm(false, true, rows, columns, width, g.grad.at(b, h, i), g.grad.row,
                      p.v.at(b, key_head, j), p.v.row, 0, slope.data(), columns, 1);
        for (std::int64_t r = 0; r < rows; ++r) {
          float *row = prob.data() + r * columns, *d = slope.data() + r * columns;
          const float log_sum = g.log_sum[line + r];
          (void)exp_sum(row, log_sum == -INFINITY ? 0 : log_sum, row, columns);
          if (p.dropout.on()) {
            p.dropout.row(p.place(b, h, i + r, j), row, dropped.data() + r * columns, columns,
                          words);
            p.dropout.row(p.place(b, h, i + r, j), d, d, columns, words);
          }
          softmax_grad_run(d, row, g.through[static_cast<std::size_t>(line + r)], d, columns);
          scale_run(d, p.scale, d, columns);
        }
        const float* weights = p.dropout.on() ? dropped.data() : prob.data();
        onednn::sgemm(true, false, columns, width, rows, weights, columns, g.grad.at(b, h, i),
                      g.grad.row, 1, g.dv + (own + j) * width, width, 1);
        onednn::sgemm(false, false, rows, size, columns, slope.data(), columns,
                      p.k.at(b, key_head, j), p.k.row, 1, g.dq + line * size, size, 1);
        onednn::sgemm(true, false, columns, size, rows, slope.data(), columns, p.q.at(b, h, i),
                      p.q.row, 1, g.dk + (own + j) * size, size, 1);
      }
    }
}

void backward(const KernelCall& call) {
  const Problem p("attention_grad", call.inputs[1], call.inputs[2], call.inputs[3], call.inputs[6],
                  call.attrs);
  const Tensor log_sum = as_contiguous(call.inputs[5]);
  Tensor written[3];
  for (std::size_t i = 0; i < 3; ++i) {
    written[i] = target(call.outputs[i]);
    std::fill_n(written[i].data<float>(), written[i].count(), 0.0f);
  }
  Gradients g{Matrices(call.inputs[0]), log_sum.data<float>(),    {},
              written[0].data<float>(), written[1].data<float>(), written[2].data<float>()};
  const Matrices y(call.inputs[4]);
  const std::int64_t lines = p.s.batch * p.s.heads * p.s.queries;
  g.through.resize(static_cast<std::size_t>(lines));
  Tensor more = call.inputs[7];
  if (more.defined()) more = as_contiguous(as_dtype(more, DType::f32));
  parallel_for(lines, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t head = line / p.s.queries, i = line % p.s.queries;
      const std::int64_t b = head / p.s.heads, h = head % p.s.heads;
      g.through[static_cast<std::size_t>(line)] =
          dot_run(g.grad.at(b, h, i), y.at(b, h, i), p.s.value_size) -
          (more.defined() ? more.data<float>()[line] : 0);
    }
  });
  parallel_for(lines == 0 ? 0 : p.s.batch * p.s.key_heads, 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t head = begin; head < end; ++head)
                   backward_head(p, g, head / p.s.key_heads, head % p.s.key_heads);
               });
  for (std::size_t i = 0; i < 3; ++i) finish(written[i], call.outputs[i]);
}

constexpr DTypeSet kWidened = kHalves | dtype_bit(DType::f32);

}  // namespace

void register_attention(KernelTable& table) {
  table.set("attention_forward", Device::cpu, forward, kWidened);
  table.set("attention_grad", Device::cpu, backward, kWidened);
}

}  // namespace athanor::backends::cpu
