#include "athanor/backends/cpu/dnnl.hpp"
#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/matmul_loops.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/base/error.hpp"

namespace athanor::backends::cpu {

namespace {

// A matrix whose rows or columns lie one after the other, as BLAS wants it.
struct Matrix {
  const char* data = nullptr;
  std::int64_t rows = 0, columns = 0;
  std::int64_t row = 0, column = 0;  // strides in elements

  bool transposed() const { return column != 1; }
  std::int64_t leading() const { return transposed() ? column : row; }
};

// True when the last two axes can be given to BLAS as they lie.
bool is_blas(std::int64_t rows, std::int64_t columns, std::int64_t& row, std::int64_t& column) {
  if (columns <= 1) column = 1;
  if (rows <= 1) row = column == 1 ? std::max<std::int64_t>(columns, 1) : 1;
  if (column == 1 && row >= std::max<std::int64_t>(columns, 1)) return true;
  return row == 1 && column >= std::max<std::int64_t>(rows, 1);
}

// One operand of a batched product: its matrix and where the matrix of a batch begins.
struct Side {
  Tensor tensor;
  Matrix matrix;
  Dims strides;  // of the output's leading axes, 0 where this side is broadcast
};

Side make_side(const Tensor& t, bool left, std::span<const std::int64_t> lead) {
  Side side{t, {}, Dims(lead.size(), 0)};
  const std::int64_t rank = t.rank();
  const bool vector = rank == 1;
  for (int attempt = 0;; ++attempt) {
    const Tensor& x = side.tensor;
    Matrix& m = side.matrix;
    const auto last = static_cast<std::size_t>(rank) - 1;
    if (vector) {
      m.rows = left ? 1 : x.shape()[0];
      m.columns = left ? x.shape()[0] : 1;
      m.row = left ? m.columns : x.strides()[0];
      m.column = left ? x.strides()[0] : 1;
    } else {
      m.rows = x.shape()[last - 1], m.columns = x.shape()[last];
      m.row = x.strides()[last - 1], m.column = x.strides()[last];
    }
    if (is_blas(m.rows, m.columns, m.row, m.column)) break;
    ATH_ASSERT(attempt == 0);
    side.tensor = as_contiguous(t);
  }
  side.matrix.data = static_cast<const char*>(side.tensor.raw());
  const std::size_t own = vector ? 0 : static_cast<std::size_t>(rank) - 2;
  for (std::size_t i = 0; i < own; ++i)
    if (side.tensor.shape()[i] != 1) side.strides[lead.size() - own + i] = side.tensor.strides()[i];
  return side;
}

std::int64_t offset_of(const Side& side, std::span<const std::int64_t> lead, std::int64_t batch) {
  std::int64_t offset = 0;
  for (std::size_t i = lead.size(); i-- > 0;) {
    offset += batch % lead[i] * side.strides[i];
    batch /= lead[i];
  }
  return offset;
}

// Below this number of products oneDNN's call costs more than the loops: 4 x 4 x 4 takes 340 ns
// there.
constexpr std::int64_t kTiny = 1024;
// Rows and columns of a part in deterministic mode.
constexpr std::int64_t kPartRows = 64, kPartColumns = 256;

void tiny_product(const Matrix& a, const Matrix& b, const float* pa, const float* pb, float* y) {
  for (std::int64_t i = 0; i < a.rows; ++i) {
    float* row = y + i * b.columns;
    for (std::int64_t j = 0; j < b.columns; ++j) row[j] = 0;
    for (std::int64_t q = 0; q < a.columns; ++q) {
      const float factor = pa[i * a.row + q * a.column];
      const float* right = pb + q * b.row;
      if (b.column == 1)
        for (std::int64_t j = 0; j < b.columns; ++j) row[j] += factor * right[j];
      else
        for (std::int64_t j = 0; j < b.columns; ++j) row[j] += factor * right[j * b.column];
    }
  }
}

// One product of f32 or bf16 matrices through oneDNN; rows of y are `ldy` apart. threads 0: as many
// as there are.
void product(DType dtype, const Matrix& a, const Matrix& b, const void* pa, const void* pb, void* y,
             std::int64_t ldy, int threads = 0) {
  const std::int64_t n = b.columns;
  if (dtype == DType::bf16) {
    onednn::bf16_gemm(a.transposed(), b.transposed(), a.rows, n, a.columns, pa, a.leading(), pb,
                      b.leading(), y, ldy, threads);
  } else {
    onednn::sgemm(a.transposed(), b.transposed(), a.rows, n, a.columns,
                  static_cast<const float*>(pa), a.leading(), static_cast<const float*>(pb),
                  b.leading(), 0, static_cast<float*>(y), ldy, threads);
  }
}

// The same in parts that do not depend on the number of threads, each computed by one of them.
void product_in_parts(DType dtype, const Matrix& a, const Matrix& b, const char* pa, const char* pb,
                      char* y) {
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  const std::int64_t width = a.rows >= 4 * kPartRows ? b.columns : kPartColumns;
  const std::int64_t across = (b.columns + width - 1) / width;
  const std::int64_t down = (a.rows + kPartRows - 1) / kPartRows;
  parallel_for(across * down, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      const std::int64_t i = part / across * kPartRows, j = part % across * width;
      Matrix left = a, right = b;
      left.rows = std::min(kPartRows, a.rows - i);
      right.columns = std::min(width, b.columns - j);
      product(dtype, left, right, pa + i * a.row * size, pb + j * b.column * size,
              y + (i * b.columns + j) * size, b.columns, 1);
    }
  });
}

void any_product(DType dtype, const Matrix& a, const Matrix& b, const char* pa, const char* pb,
                 char* y, bool whole) {
  if (dtype == DType::f32 && a.rows * a.columns * b.columns <= kTiny)
    return tiny_product(a, b, reinterpret_cast<const float*>(pa),
                        reinterpret_cast<const float*>(pb), reinterpret_cast<float*>(y));
  if (dtype == DType::f32 || dtype == DType::bf16) {
    if (whole && deterministic()) return product_in_parts(dtype, a, b, pa, pb, y);
    return product(dtype, a, b, pa, pb, y, b.columns, whole ? 0 : 1);
  }
  const auto loops = [&](auto tag) {
    using T = decltype(tag);
    gemm_loops(a.rows, b.columns, a.columns, reinterpret_cast<const T*>(pa), a.row, a.column,
               reinterpret_cast<const T*>(pb), b.row, b.column, reinterpret_cast<T*>(y), b.columns);
  };
  if (dtype == DType::f64) return loops(double{});
  if (dtype == DType::i32) return loops(std::int32_t{});
  ATH_ASSERT(dtype == DType::i64);
  loops(std::int64_t{});
}

// y: row-major, [lead..., rows, columns] without the axes that vectors do not have.
void matmul_into(const Tensor& a, const Tensor& b, const Tensor& y) {
  if (y.count() == 0) return;
  const std::size_t axes = static_cast<std::size_t>((a.rank() > 1) + (b.rank() > 1));
  const std::span<const std::int64_t> lead(y.shape().data(), y.shape().size() - axes);
  Side left = make_side(a, true, lead), right = make_side(b, false, lead);
  const auto size = static_cast<std::int64_t>(size_of(y.dtype()));
  auto* out = static_cast<char*>(y.raw());
  if (left.matrix.columns == 0) {
    std::fill_n(out, y.count() * size, char{0});
    return;
  }
  std::int64_t batches = 1;
  for (std::int64_t d : lead) batches *= d;
  // One matrix on the right and rows that follow each other on the left: one product for all.
  if (batches > 1 && b.rank() <= 2 && left.tensor.is_contiguous() && !left.matrix.transposed()) {
    left.matrix.rows *= batches;
    batches = 1;
  }
  if (batches == 1)
    return any_product(y.dtype(), left.matrix, right.matrix, left.matrix.data, right.matrix.data,
                       out, true);
  const std::int64_t matrix = left.matrix.rows * right.matrix.columns * size;
  const std::int64_t products = left.matrix.rows * left.matrix.columns * right.matrix.columns;
  const auto one = [&](std::int64_t batch, bool whole) {
    any_product(y.dtype(), left.matrix, right.matrix,
                left.matrix.data + offset_of(left, lead, batch) * size,
                right.matrix.data + offset_of(right, lead, batch) * size, out + batch * matrix,
                whole);
  };
  if (batches < compute_threads() && products > (1 << 18)) {
    for (std::int64_t i = 0; i < batches; ++i) one(i, true);
    return;
  }
  // In deterministic mode large matrices are cut into the same parts as alone.
  const bool parts = deterministic() && products > (1 << 18);
  if (parts) {
    for (std::int64_t i = 0; i < batches; ++i) one(i, true);
    return;
  }
  const std::int64_t grain =
      std::max<std::int64_t>(1, (1 << 16) / std::max<std::int64_t>(products, 1));
  parallel_for(batches, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) one(i, false);
  });
}

// Half-precision inputs that the machine does not multiply fast are computed in f32.
bool through_f32(DType dtype) {
  return (dtype == DType::f16 || dtype == DType::bf16) && !onednn::computes(dtype);
}

void matmul_kernel(const KernelCall& call) {
  const Tensor& y = call.outputs[0];
  if (!through_f32(y.dtype())) return matmul_into(call.inputs[0], call.inputs[1], y);
  const Tensor wide = Tensor::empty(y.shape(), DType::f32);
  matmul_into(as_dtype(call.inputs[0], DType::f32), as_dtype(call.inputs[1], DType::f32), wide);
  copy_into(wide, y);
}

template <class T>
void add_bias(T* y, const T* bias, std::int64_t rows, std::int64_t columns) {
  parallel_for(rows, std::max<std::int64_t>(1, (1 << 15) / std::max<std::int64_t>(columns, 1)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   T* row = y + i * columns;
                   for (std::int64_t j = 0; j < columns; ++j)
                     row[j] = static_cast<T>(row[j] + bias[j]);
                 }
               });
}

void linear_kernel(const KernelCall& call) {
  const Tensor& y = call.outputs[0];
  const DType dtype = y.dtype();
  Tensor x = call.inputs[0], weight = call.inputs[1], bias = call.inputs[2];
  if (bias.defined() && bias.rank() != 1) [[unlikely]]
    raise<ShapeError>("linear: bias must have shape [{}], it is {}", weight.dim(0), describe(bias));
  if (y.count() == 0) return;
  const bool narrow = dtype == DType::f16 || dtype == DType::bf16;
  // A bias is added before the sum is rounded.
  const bool wide = through_f32(dtype) || (narrow && bias.defined());
  const DType work = wide ? DType::f32 : dtype;
  x = as_dtype(x, work);
  weight = as_dtype(weight, work);
  const Tensor turned = weight.view_as({weight.dim(1), weight.dim(0)},
                                       {weight.strides()[1], weight.strides()[0]}, weight.offset());
  const Tensor out = wide ? Tensor::empty(y.shape(), work) : y;
  matmul_into(x, turned, out);
  if (bias.defined()) {
    bias = as_contiguous(as_dtype(bias, work));
    const std::int64_t columns = bias.count(), rows = y.count() / columns;
    if (work == DType::f64)
      add_bias(out.data<double>(), bias.data<double>(), rows, columns);
    else
      add_bias(out.data<float>(), bias.data<float>(), rows, columns);
  }
  if (wide) copy_into(out, y);
}

}  // namespace

void register_matmul(KernelTable& t) {
  t.set("matmul", Device::cpu, matmul_kernel,
        kFloats | dtype_bit(DType::i32) | dtype_bit(DType::i64));
  t.set("linear", Device::cpu, linear_kernel, kFloats);
}

}  // namespace athanor::backends::cpu
