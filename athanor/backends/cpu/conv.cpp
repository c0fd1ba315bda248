#include "athanor/backends/cpu/conv_loops.hpp"
#include "athanor/backends/cpu/dnnl.hpp"
#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/base/error.hpp"

namespace athanor::backends::cpu {

namespace {

using ops::Window;

// A picture as oneDNN takes it: NHWC or row-major, copied if it is neither. One whose order can be
// read both ways takes the order of the other picture of the call.
struct Image {
  Tensor tensor;
  bool channels_last = false;
};

bool both_orders(const Tensor& t) { return t.dim(1) == 1 || (t.dim(2) == 1 && t.dim(3) == 1); }

Image image_of(const Tensor& t) {
  if (t.is_channels_last()) return {t, true};
  if (t.is_contiguous()) return {t, false};
  // NHWC pieces (a slice of channels, say) stay NHWC.
  if (t.strides()[1] == 1) return {as_channels_last(t), true};
  return {as_contiguous(t), false};
}

void agree(Image& a, Image& b) {
  if (a.channels_last == b.channels_last) return;
  Image& plain = a.channels_last ? b : a;
  if (plain.tensor.is_contiguous() && both_orders(plain.tensor)) plain.channels_last = true;
}

// bf16 goes to oneDNN only with channels in whole vectors: of a 1x1 convolution with 17 filters
// oneDNN 2.6.3 computes a wrong input gradient in NHWC.
DType compute_dtype(DType dtype, std::int64_t channels, std::int64_t filters, std::int64_t groups) {
  if (dtype == DType::f32 || !onednn::computes(dtype)) return DType::f32;
  const bool depthwise = groups == channels && groups == filters;
  const std::int64_t parts = depthwise ? 1 : groups;
  return channels / parts % 16 == 0 && filters / parts % 16 == 0 ? dtype : DType::f32;
}

onednn::ConvShape shape_of(const Image& x, const Image& y, const Window& window,
                           std::int64_t groups) {
  onednn::ConvShape s;
  const Shape &xs = x.tensor.shape(), &ys = y.tensor.shape();
  s.batch = xs[0], s.channels = xs[1], s.height = xs[2], s.width = xs[3];
  s.filters = ys[1], s.out_height = ys[2], s.out_width = ys[3];
  s.groups = groups;
  s.window = window;
  s.x_channels_last = x.channels_last;
  s.y_channels_last = y.channels_last;
  s.dtype = x.tensor.dtype();
  return s;
}

onednn::Weights weights_of(const Tensor& weight, const Tensor& original) {
  onednn::Weights w;
  w.data = weight.raw();
  if (weight.same(original)) {
    w.storage = weight.storage()->id();
    w.version = weight.storage()->version();
    w.offset = weight.offset();
  }
  return w;
}

// The tensor that a kernel writes: the output itself, or one in the work dtype that is copied to
// it.
struct Result {
  Tensor tensor;
  Tensor target;
  Result(const Tensor& y, DType work) : tensor(as_work(y, work)), target(y) {}
  void finish() const {
    if (!tensor.same(target)) copy_into(tensor, target);
  }

 private:
  static Tensor as_work(const Tensor& y, DType work) {
    if (y.dtype() == work && (y.is_contiguous() || y.is_channels_last())) return y;
    if (y.is_channels_last())
      return Tensor::empty_strided(y.shape(), channels_last_strides(y.shape()), work);
    return Tensor::empty(y.shape(), work);
  }
};

Tensor row_major(const Tensor& t, DType dtype) { return as_contiguous(as_dtype(t, dtype)); }

struct Call {
  Window window;
  std::int64_t groups;
};

Call call_of(const KernelCall& call, std::int64_t kernel_height, std::int64_t kernel_width) {
  return {ops::conv_window(call.op.name, call.attrs, kernel_height, kernel_width),
          call.attrs.integer("groups")};
}

void zero(const Tensor& t) {
  const Tensor zeros = Tensor::scalar(0, t.dtype());
  copy_into(zeros.view_as(t.shape(), Strides(t.shape().size(), 0), 0), t);
}

void conv2d_kernel(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &weight = call.inputs[1], &bias = call.inputs[2],
               &y = call.outputs[0];
  if (bias.defined() && bias.rank() != 1) [[unlikely]]
    raise<ShapeError>("conv2d: bias must have shape [{}], it is {}", weight.dim(0), describe(bias));
  if (y.count() == 0) return;
  const auto [window, groups] = call_of(call, weight.dim(2), weight.dim(3));
  if (y.dtype() == DType::f64) {
    const Tensor out = y.is_contiguous() ? y : Tensor::empty(y.shape(), DType::f64);
    conv_forward_f64(as_contiguous(x), as_contiguous(weight),
                     bias.defined() ? as_contiguous(bias) : bias, window, groups, out);
    if (!out.same(y)) copy_into(out, y);
    return;
  }
  const DType work = compute_dtype(y.dtype(), x.dim(1), y.dim(1), groups);
  const Result result(y, work);
  Image in = image_of(as_dtype(x, work)), out{result.tensor, result.tensor.is_channels_last()};
  agree(in, out);
  const Tensor w = row_major(weight, work);
  const Tensor b = bias.defined() ? row_major(bias, work) : Tensor();
  onednn::conv_forward(shape_of(in, out, window, groups), in.tensor.raw(), weights_of(w, weight),
                       b.defined() ? b.raw() : nullptr, onednn::Activation::none, out.tensor.raw());
  result.finish();
}

void conv2d_input_grad_kernel(const KernelCall& call) {
  const Tensor &grad = call.inputs[0], &weight = call.inputs[1], &dx = call.outputs[0];
  if (dx.count() == 0) return;
  const auto [window, groups] = call_of(call, weight.dim(2), weight.dim(3));
  if (dx.dtype() == DType::f64) {
    const Tensor out = dx.is_contiguous() ? dx : Tensor::empty(dx.shape(), DType::f64);
    conv_input_grad_f64(as_contiguous(grad), as_contiguous(weight), window, groups, out);
    if (!out.same(dx)) copy_into(out, dx);
    return;
  }
  const DType work = compute_dtype(dx.dtype(), dx.dim(1), grad.dim(1), groups);
  const Result result(dx, work);
  Image g = image_of(as_dtype(grad, work)), out{result.tensor, result.tensor.is_channels_last()};
  agree(g, out);
  const Tensor w = row_major(weight, work);
  onednn::conv_input_grad(shape_of(out, g, window, groups), g.tensor.raw(), weights_of(w, weight),
                          out.tensor.raw());
  result.finish();
}

void conv2d_weight_grad_kernel(const KernelCall& call) {
  const Tensor &x = call.inputs[0], &grad = call.inputs[1], &dweight = call.outputs[0];
  if (dweight.count() == 0) return;
  if (x.count() == 0 || grad.count() == 0) return zero(dweight);
  const auto [window, groups] = call_of(call, dweight.dim(2), dweight.dim(3));
  if (dweight.dtype() == DType::f64) {
    conv_weight_grad_f64(as_contiguous(x), as_contiguous(grad), window, groups, dweight);
    return;
  }
  const DType work = compute_dtype(dweight.dtype(), x.dim(1), grad.dim(1), groups);
  const Result result(dweight, work);
  Image in = image_of(as_dtype(x, work)), g = image_of(as_dtype(grad, work));
  agree(in, g);
  onednn::conv_weight_grad(shape_of(in, g, window, groups), in.tensor.raw(), g.tensor.raw(),
                           result.tensor.raw());
  result.finish();
}

}  // namespace

void register_conv(KernelTable& t) {
  t.set("conv2d", Device::cpu, conv2d_kernel, kFloats);
  t.set("conv2d_input_grad", Device::cpu, conv2d_input_grad_kernel, kFloats);
  t.set("conv2d_weight_grad", Device::cpu, conv2d_weight_grad_kernel, kFloats);
}

}  // namespace athanor::backends::cpu
