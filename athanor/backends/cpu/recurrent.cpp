#include <algorithm>
#include <cmath>
#include <vector>

#include "athanor/backends/cpu/dnnl.hpp"
#include "athanor/backends/cpu/gates.hpp"
#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/matmul_loops.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/base/parallel.hpp"

// The recurrences of LSTM and GRU. A block of sequences runs through all its steps on one thread:
// its states stay in the cache, and no thread waits for another at a step.
namespace athanor::backends::cpu {

namespace {

// Sequences of one block, whatever the number of threads.
constexpr std::int64_t kSequences = 16;

void sigmoid_of(float* x, std::int64_t count) { sigmoid_run(x, x, count); }
void sigmoid_of(double* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) x[i] = 1 / (1 + std::exp(-x[i]));
}
void tanh_of(const float* x, float* y, std::int64_t count) { tanh_run(x, y, count); }
void tanh_of(const double* x, double* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = std::tanh(x[i]);
}

// y = a b, or a b^T; row-major, on this thread.
void product(bool turned, std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
             const float* b, float* y) {
  onednn::sgemm(false, turned, m, n, k, a, k, b, turned ? k : n, 0, y, n, 1);
}
void product(bool turned, std::int64_t m, std::int64_t n, std::int64_t k, const double* a,
             const double* b, double* y) {
  gemm_loops(m, n, k, a, k, 1, b, turned ? 1 : n, turned ? k : 1, y, n);
}

// The sizes of a scan and what all four kernels do alike. Rows of a step lie one after the other.
template <class T>
struct Scan {
  std::int64_t steps, batch, hidden;
  bool reverse;
  Tensor lengths;

  Scan(const Tensor& sequence, const Tensor& weight, const Tensor& l, bool r)
      : steps(sequence.dim(0)),
        batch(sequence.dim(1)),
        hidden(weight.dim(1)),
        reverse(r),
        lengths(l.defined() ? as_contiguous(l) : l) {}

  bool alive(std::int64_t n, std::int64_t t) const {
    return !lengths.defined() || t < lengths.data<std::int64_t>()[n];
  }
  std::int64_t step(std::int64_t i) const { return reverse ? steps - 1 - i : i; }
  // The row of sequence n at step t in [T, N, parts H].
  std::int64_t at(std::int64_t t, std::int64_t n, std::int64_t parts) const {
    return (t * batch + n) * parts * hidden;
  }
  // The states before step i of the scan, from row n on.
  const T* before(const T* states, const T* first, std::int64_t i, std::int64_t n) const {
    return i == 0 ? first + n * hidden : states + at(step(i - 1), n, 1);
  }
  template <class Body>
  void blocks(const Body& body) const {
    parallel_for(batch, kSequences, body);
  }
};

template <class T>
std::vector<T> rows(std::int64_t count, std::int64_t width) {
  return std::vector<T>(static_cast<std::size_t>(count * width));
}

template <class T>
void lstm_forward(const KernelCall& call) {
  const Tensor gates = as_contiguous(call.inputs[0]), weight = as_contiguous(call.inputs[1]),
               h0 = as_contiguous(call.inputs[2]), c0 = as_contiguous(call.inputs[3]);
  const Scan<T> s(gates, weight, call.inputs[4], call.attrs.flag("reverse"));
  const std::int64_t size = s.hidden;
  T *y = call.outputs[0].template data<T>(), *cells = call.outputs[1].template data<T>(),
    *activations = call.outputs[2].template data<T>();
  s.blocks([&](std::int64_t begin, std::int64_t end) {
    const std::int64_t count = end - begin;
    auto recurrent = rows<T>(count, 4 * size);
    for (std::int64_t i = 0; i < s.steps; ++i) {
      const std::int64_t t = s.step(i);
      const T* h = s.before(y, h0.data<T>(), i, begin);
      const T* c = s.before(cells, c0.data<T>(), i, begin);
      product(true, count, 4 * size, size, h, weight.data<T>(), recurrent.data());
      for (std::int64_t n = 0; n < count; ++n, h += size, c += size) {
        T* act = activations + s.at(t, begin + n, 4);
        T *new_h = y + s.at(t, begin + n, 1), *new_c = cells + s.at(t, begin + n, 1);
        if (!s.alive(begin + n, t)) {
          std::copy_n(h, size, new_h);
          std::copy_n(c, size, new_c);
          std::fill_n(act, 4 * size, T{0});
          continue;
        }
        const T* given = gates.data<T>() + s.at(t, begin + n, 4);
        const T* own = recurrent.data() + n * 4 * size;
        for (std::int64_t k = 0; k < 4 * size; ++k) act[k] = given[k] + own[k];
        sigmoid_of(act, 2 * size);
        tanh_of(act + 2 * size, act + 2 * size, size);
        sigmoid_of(act + 3 * size, size);
        for (std::int64_t k = 0; k < size; ++k)
          new_c[k] = act[size + k] * c[k] + act[k] * act[2 * size + k];
        tanh_of(new_c, new_h, size);
        for (std::int64_t k = 0; k < size; ++k) new_h[k] *= act[3 * size + k];
      }
    }
  });
}

// Adds b to a where b is given.
template <class T>
void add_given(T* a, const T* b, std::int64_t count) {
  if (b)
    for (std::int64_t k = 0; k < count; ++k) a[k] += b[k];
}

template <class T>
const T* given_at(const Tensor& t, std::int64_t offset) {
  return t.defined() ? t.data<T>() + offset : nullptr;
}

Tensor contiguous_or_none(const Tensor& t) { return t.defined() ? as_contiguous(t) : t; }

template <class T>
void lstm_backward(const KernelCall& call) {
  const Tensor activations = as_contiguous(call.inputs[0]), cells = as_contiguous(call.inputs[1]),
               weight = as_contiguous(call.inputs[2]), c0 = as_contiguous(call.inputs[3]),
               grad = as_contiguous(call.inputs[5]),
               grad_cells = contiguous_or_none(call.inputs[6]),
               grad_activations = contiguous_or_none(call.inputs[7]);
  const Scan<T> s(activations, weight, call.inputs[4], call.attrs.flag("reverse"));
  const std::int64_t size = s.hidden;
  T *gates = call.outputs[0].template data<T>(), *dh_all = call.outputs[1].template data<T>(),
    *dc_all = call.outputs[2].template data<T>();
  s.blocks([&](std::int64_t begin, std::int64_t end) {
    const std::int64_t count = end - begin;
    auto passed = rows<T>(count, size), bent = rows<T>(1, size);
    T *dh = dh_all + begin * size, *dc = dc_all + begin * size;
    std::fill_n(dh, count * size, T{0});
    std::fill_n(dc, count * size, T{0});
    for (std::int64_t i = s.steps; i-- > 0;) {
      const std::int64_t t = s.step(i);
      const T* before = s.before(cells.data<T>(), c0.data<T>(), i, begin);
      for (std::int64_t n = 0; n < count; ++n) {
        T *h = dh + n * size, *c = dc + n * size, *d = gates + s.at(t, begin + n, 4);
        const std::int64_t state = s.at(t, begin + n, 1);
        add_given(h, grad.data<T>() + state, size);
        add_given(c, given_at<T>(grad_cells, state), size);
        if (!s.alive(begin + n, t)) {
          std::fill_n(d, 4 * size, T{0});
          continue;
        }
        const T *act = activations.data<T>() + s.at(t, begin + n, 4), *prev = before + n * size;
        tanh_of(cells.data<T>() + state, bent.data(), size);
        for (std::int64_t k = 0; k < size; ++k) {
          const T in = act[k], forget = act[size + k], cell = act[2 * size + k],
                  out = act[3 * size + k], b = bent[static_cast<std::size_t>(k)];
          const T inner = c[k] + h[k] * out * (1 - b * b);
          d[k] = inner * cell;
          d[size + k] = inner * prev[k];
          d[2 * size + k] = inner * in;
          d[3 * size + k] = h[k] * b;
          c[k] = inner * forget;
        }
        add_given(d, given_at<T>(grad_activations, s.at(t, begin + n, 4)), 4 * size);
        for (std::int64_t k = 0; k < 2 * size; ++k) d[k] *= act[k] * (1 - act[k]);
        for (std::int64_t k = 2 * size; k < 3 * size; ++k) d[k] *= 1 - act[k] * act[k];
        for (std::int64_t k = 3 * size; k < 4 * size; ++k) d[k] *= act[k] * (1 - act[k]);
      }
      // dh becomes d W; where a sequence has ended d is 0, and dh stays.
      product(false, count, size, 4 * size, gates + s.at(t, begin, 4), weight.data<T>(),
              passed.data());
      for (std::int64_t n = 0; n < count; ++n)
        if (s.alive(begin + n, t)) std::copy_n(passed.data() + n * size, size, dh + n * size);
    }
  });
}

template <class T>
void gru_forward(const KernelCall& call) {
  const Tensor gates = as_contiguous(call.inputs[0]), weight = as_contiguous(call.inputs[1]),
               h0 = as_contiguous(call.inputs[2]), bias = contiguous_or_none(call.inputs[3]);
  const Scan<T> s(gates, weight, call.inputs[4], call.attrs.flag("reverse"));
  const std::int64_t size = s.hidden;
  T *y = call.outputs[0].template data<T>(), *activations = call.outputs[1].template data<T>();
  s.blocks([&](std::int64_t begin, std::int64_t end) {
    const std::int64_t count = end - begin;
    auto recurrent = rows<T>(count, 3 * size);
    for (std::int64_t i = 0; i < s.steps; ++i) {
      const std::int64_t t = s.step(i);
      const T* h = s.before(y, h0.data<T>(), i, begin);
      product(true, count, 3 * size, size, h, weight.data<T>(), recurrent.data());
      for (std::int64_t n = 0; n < count; ++n, h += size) {
        T *act = activations + s.at(t, begin + n, 4), *next = y + s.at(t, begin + n, 1);
        if (!s.alive(begin + n, t)) {
          std::copy_n(h, size, next);
          std::fill_n(act, 4 * size, T{0});
          continue;
        }
        const T* given = gates.data<T>() + s.at(t, begin + n, 3);
        T* own = recurrent.data() + n * 3 * size;
        add_given(own, given_at<T>(bias, 0), 3 * size);
        for (std::int64_t k = 0; k < 2 * size; ++k) act[k] = given[k] + own[k];
        sigmoid_of(act, 2 * size);
        for (std::int64_t k = 0; k < size; ++k) {
          act[3 * size + k] = own[2 * size + k];
          act[2 * size + k] = given[2 * size + k] + act[k] * own[2 * size + k];
        }
        tanh_of(act + 2 * size, act + 2 * size, size);
        for (std::int64_t k = 0; k < size; ++k)
          next[k] = act[2 * size + k] + act[size + k] * (h[k] - act[2 * size + k]);
      }
    }
  });
}

template <class T>
void gru_backward(const KernelCall& call) {
  const Tensor activations = as_contiguous(call.inputs[0]), y = as_contiguous(call.inputs[1]),
               weight = as_contiguous(call.inputs[2]), h0 = as_contiguous(call.inputs[3]),
               grad = as_contiguous(call.inputs[5]),
               grad_activations = contiguous_or_none(call.inputs[6]);
  const Scan<T> s(activations, weight, call.inputs[4], call.attrs.flag("reverse"));
  const std::int64_t size = s.hidden;
  T *gates = call.outputs[0].template data<T>(), *products = call.outputs[1].template data<T>(),
    *dh_all = call.outputs[2].template data<T>();
  s.blocks([&](std::int64_t begin, std::int64_t end) {
    const std::int64_t count = end - begin;
    auto passed = rows<T>(count, size);
    T* dh = dh_all + begin * size;
    std::fill_n(dh, count * size, T{0});
    for (std::int64_t i = s.steps; i-- > 0;) {
      const std::int64_t t = s.step(i);
      const T* before = s.before(y.data<T>(), h0.data<T>(), i, begin);
      for (std::int64_t n = 0; n < count; ++n) {
        T *h = dh + n * size, *g = gates + s.at(t, begin + n, 3),
          *p = products + s.at(t, begin + n, 3);
        add_given(h, grad.data<T>() + s.at(t, begin + n, 1), size);
        if (!s.alive(begin + n, t)) {
          std::fill_n(g, 3 * size, T{0});
          std::fill_n(p, 3 * size, T{0});
          continue;
        }
        const T *act = activations.data<T>() + s.at(t, begin + n, 4), *prev = before + n * size;
        const T* extra = given_at<T>(grad_activations, s.at(t, begin + n, 4));
        for (std::int64_t k = 0; k < size; ++k) {
          const T reset = act[k], update = act[size + k], fresh = act[2 * size + k],
                  share = act[3 * size + k];
          T dupdate = h[k] * (prev[k] - fresh), dfresh = h[k] * (1 - update);
          if (extra) dupdate += extra[size + k], dfresh += extra[2 * size + k];
          const T inner = dfresh * (1 - fresh * fresh);
          T dreset = inner * share, dshare = inner * reset;
          if (extra) dreset += extra[k], dshare += extra[3 * size + k];
          g[k] = p[k] = dreset * reset * (1 - reset);
          g[size + k] = p[size + k] = dupdate * update * (1 - update);
          g[2 * size + k] = inner;
          p[2 * size + k] = dshare;
          h[k] *= update;
        }
      }
      product(false, count, size, 3 * size, products + s.at(t, begin, 3), weight.data<T>(),
              passed.data());
      for (std::int64_t n = 0; n < count; ++n)
        if (s.alive(begin + n, t)) add_given(dh + n * size, passed.data() + n * size, size);
    }
  });
}

}  // namespace

void register_recurrent(KernelTable& t) {
  const auto set = [&](const char* op, Kernel kernel) {
    t.set(op, Device::cpu, kernel, dtype_bit(DType::f32) | dtype_bit(DType::f64));
  };
#define ATH_BOTH(kernel)                                                               \
  [](const KernelCall& call) {                                                         \
    call.inputs[0].dtype() == DType::f32 ? kernel<float>(call) : kernel<double>(call); \
  }
  set("lstm_scan", ATH_BOTH(lstm_forward));
  set("lstm_scan_grad", ATH_BOTH(lstm_backward));
  set("gru_scan", ATH_BOTH(gru_forward));
  set("gru_scan_grad", ATH_BOTH(gru_backward));
#undef ATH_BOTH
}

}  // namespace athanor::backends::cpu
