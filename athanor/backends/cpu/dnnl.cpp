#include "athanor/backends/cpu/dnnl.hpp"

#include <dnnl.hpp>

#include <cstdlib>
#include <cstring>

#include "athanor/base/error.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/device/allocator.hpp"

namespace athanor::backends::cpu::onednn {

namespace {

using dnnl::memory;

// Memory that lives as long as the call.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes)
      : bytes_(bytes),
        data_(bytes ? cpu_allocator().allocate(bytes, Category::workspace) : nullptr) {}
  ~Workspace() {
    if (data_) cpu_allocator().free(data_, bytes_, Category::workspace);
  }
  Workspace(Workspace&& other) noexcept
      : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  Workspace& operator=(Workspace&&) = delete;
  void* data() const { return data_; }

 private:
  std::size_t bytes_;
  void* data_;
};

// The AMX kernels of Debian's oneDNN 2.6.3 die of SIGILL at their first tile instruction, with the
// permission of the kernel and without it (seen on Sapphire Rapids; PyTorch on the same library
// dies too). Must run before anything else of oneDNN; the user's own choice in the environment
// stays.
void avoid_amx() {
  if (!std::getenv("DNNL_MAX_CPU_ISA") && !std::getenv("ONEDNN_MAX_CPU_ISA"))
    dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx512_core_bf16);
}

dnnl::engine& engine() {
  // Never destroyed, like the threads that may still compute while the process ends. Our own cache
  // holds the primitives; a second one inside oneDNN would hold them twice.
  static dnnl::engine* instance = [] {
    avoid_amx();
    dnnl::set_primitive_cache_capacity(0);
    return new dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return *instance;
}

dnnl::stream& stream() {
  thread_local dnnl::stream instance(engine());
  return instance;
}

memory::data_type data_type(DType dtype) {
  return dtype == DType::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
}

// One tensor of a primitive: as the caller has it and as the primitive wants it.
struct Operand {
  int argument = 0;
  memory::desc given, wanted;
  bool output = false;
  dnnl::reorder reorder;  // empty when both are the same
};

struct PackedWeights {
  std::uint64_t version = 0;
  std::unique_ptr<Workspace> memory;  // null: seen once, not packed yet
};

// A compiled primitive with all it needs to run.
struct Program {
  dnnl::primitive primitive;
  SmallVector<Operand, 4> operands;
  memory::desc scratchpad;
  int threads = 1;
  std::size_t weights_operand = 0;  // which operand may come from the cache of packed weights
  CacheKey weights_layout;
};

BoundedCache<const Program>& programs() {
  static auto* cache = new BoundedCache<const Program>(CacheLimits{}.primitives, ~std::size_t{0});
  return *cache;
}

BoundedCache<PackedWeights>& packed_weights() {
  static auto* cache =
      new BoundedCache<PackedWeights>(CacheLimits{}.weights, CacheLimits{}.weight_bytes);
  return *cache;
}

Operand operand(int argument, const memory::desc& given, const memory::desc& wanted, bool output) {
  Operand o{argument, given, wanted, output, {}};
  if (given != wanted) {
    const dnnl::reorder::primitive_desc pd =
        output ? dnnl::reorder::primitive_desc(engine(), wanted, engine(), given)
               : dnnl::reorder::primitive_desc(engine(), given, engine(), wanted);
    o.reorder = dnnl::reorder(pd);
  }
  return o;
}

CacheKey layout_key(const memory::desc& md) {
  const dnnl_memory_desc_t& d = md.data;
  CacheKey key{d.ndims, static_cast<std::int64_t>(d.data_type),
               static_cast<std::int64_t>(d.format_kind)};
  const auto& b = d.format_desc.blocking;
  for (int i = 0; i < d.ndims; ++i) {
    key.push_back(d.padded_dims[i]);
    key.push_back(b.strides[i]);
  }
  for (int i = 0; i < b.inner_nblks; ++i) {
    key.push_back(b.inner_blks[i]);
    key.push_back(b.inner_idxs[i]);
  }
  return key;
}

void reorder(const Operand& o, void* from, void* to) {
  memory source(o.output ? o.wanted : o.given, engine(), from);
  memory target(o.output ? o.given : o.wanted, engine(), to);
  const_cast<dnnl::reorder&>(o.reorder).execute(stream(), source, target);
}

// The weights in the primitive's order from the cache, or null when they are not kept.
std::shared_ptr<PackedWeights> find_packed(const Program& p, const Weights& weights, void* data) {
  const Operand& o = p.operands[p.weights_operand];
  if (weights.storage == 0 || !o.reorder) return nullptr;
  CacheKey key = p.weights_layout;
  key.push_back(static_cast<std::int64_t>(weights.storage));
  key.push_back(weights.offset);
  std::shared_ptr<PackedWeights> entry = packed_weights().find(key);
  if (entry && entry->version == weights.version && entry->memory) return entry;
  auto fresh = std::make_shared<PackedWeights>();
  fresh->version = weights.version;
  const bool again = entry && entry->version == weights.version;
  const std::size_t bytes = again ? o.wanted.get_size() : 0;
  if (again) {
    fresh->memory = std::make_unique<Workspace>(bytes);
    reorder(o, data, fresh->memory->data());
  }
  packed_weights().put(key, fresh, bytes);
  return again ? fresh : nullptr;
}

// data: one pointer for each operand, in the caller's memory order.
void run(const Program& p, std::span<void* const> data, const Weights& weights = {}) {
  const LibraryThreads scope(p.threads);
  SmallVector<memory, 6> memories;
  SmallVector<Workspace, 4> buffers;
  SmallVector<dnnl_exec_arg_t, 6> arguments;
  std::shared_ptr<PackedWeights> packed;
  for (std::size_t i = 0; i < p.operands.size(); ++i) {
    const Operand& o = p.operands[i];
    void* at = data[i];
    if (weights.data && i == p.weights_operand) packed = find_packed(p, weights, at);
    if (packed && i == p.weights_operand) {
      at = packed->memory->data();
    } else if (o.reorder) {
      buffers.emplace_back(o.wanted.get_size());
      if (!o.output) reorder(o, at, buffers.back().data());
      at = buffers.back().data();
    }
    memories.emplace_back(o.wanted, engine(), at);
    arguments.push_back({o.argument, memories.back().get()});
  }
  const Workspace scratchpad(p.scratchpad.get_size());
  memories.emplace_back(p.scratchpad, engine(), scratchpad.data());
  arguments.push_back({DNNL_ARG_SCRATCHPAD, memories.back().get()});
  dnnl::error::wrap_c_api(
      dnnl_primitive_execute(p.primitive.get(), stream().get(), static_cast<int>(arguments.size()),
                             arguments.data()),
      "oneDNN could not execute a primitive");
  for (std::size_t i = 0; i < p.operands.size(); ++i)
    if (const Operand& o = p.operands[i]; o.output && o.reorder)
      reorder(o, memories[i].get_data_handle(), data[i]);
}

// The program of a key from the cache, or a new one from `compile`.
template <class F>
std::shared_ptr<const Program> program(const CacheKey& key, int threads, const F& compile) {
  if (auto found = programs().find(key)) return found;
  const LibraryThreads scope(threads);
  try {
    auto fresh = std::make_shared<Program>(compile());
    fresh->threads = threads;
    return programs().put(key, std::move(fresh), 0);
  } catch (const dnnl::error& e) {
    raise<InternalError>("oneDNN refused an operation: {} (status {})", e.what(),
                         static_cast<int>(e.status));
  }
}

dnnl::primitive_attr attributes(Activation activation = Activation::none) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (activation != Activation::none) {
    dnnl::post_ops ops;
    if (activation == Activation::relu)
      ops.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    else
      ops.append_eltwise(1, dnnl::algorithm::eltwise_clip, 0, 6);
    attr.set_post_ops(ops);
  }
  return attr;
}

// The descriptors of a convolution. Pictures in NHWC are taken as they lie; NCHW is given to the
// primitive in the order that it likes best. Weights are always in the primitive's order.
struct ConvDescs {
  memory::dims x, w, y, bias, strides, dilates, padding;
  memory::desc x_given, w_given, y_given, bias_given;
  memory::desc x_wanted, w_wanted, y_wanted;

  explicit ConvDescs(const ConvShape& s)
      : x{s.batch, s.channels, s.height, s.width},
        w{s.filters, s.channels / s.groups, s.window.kernel[0], s.window.kernel[1]},
        y{s.batch, s.filters, s.out_height, s.out_width},
        bias{s.filters},
        strides{s.window.stride[0], s.window.stride[1]},
        dilates{s.window.dilation[0] - 1, s.window.dilation[1] - 1},
        padding{s.window.padding[0], s.window.padding[1]} {
    using tag = memory::format_tag;
    const auto type = data_type(s.dtype);
    const tag image[] = {tag::nchw, tag::nhwc};
    x_given = {x, type, image[s.x_channels_last]};
    y_given = {y, type, image[s.y_channels_last]};
    if (s.groups > 1)
      w = {s.groups, s.filters / s.groups, s.channels / s.groups, s.window.kernel[0],
           s.window.kernel[1]};
    w_given = {w, type, s.groups > 1 ? tag::goihw : tag::oihw};
    bias_given = {bias, type, tag::x};
    // A picture with few channels is read in any plain order by the kernels for first layers.
    x_wanted = s.x_channels_last ? x_given : memory::desc(x, type, tag::any);
    y_wanted = s.y_channels_last ? y_given : memory::desc(y, type, tag::any);
    w_wanted = memory::desc(w, type, tag::any);
  }
};

enum class Kind : std::int64_t { forward, input_grad, weight_grad, gemm };

CacheKey conv_key(Kind kind, const ConvShape& s, int threads, bool bias, Activation activation) {
  const auto& k = s.window;
  return {static_cast<std::int64_t>(kind),
          s.batch,
          s.channels,
          s.height,
          s.width,
          s.filters,
          s.out_height,
          s.out_width,
          s.groups,
          k.kernel[0],
          k.kernel[1],
          k.stride[0],
          k.stride[1],
          k.padding[0],
          k.padding[1],
          k.dilation[0],
          k.dilation[1],
          s.x_channels_last,
          s.y_channels_last,
          static_cast<std::int64_t>(s.dtype),
          threads,
          bias,
          static_cast<std::int64_t>(activation)};
}

dnnl::convolution_forward::primitive_desc forward_desc(const ConvDescs& d, bool bias,
                                                       const dnnl::primitive_attr& attr) {
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const auto kind = dnnl::prop_kind::forward_training;
  const dnnl::convolution_forward::desc desc =
      bias ? dnnl::convolution_forward::desc(kind, algorithm, d.x_wanted, d.w_wanted, d.bias_given,
                                             d.y_wanted, d.strides, d.dilates, d.padding, d.padding)
           : dnnl::convolution_forward::desc(kind, algorithm, d.x_wanted, d.w_wanted, d.y_wanted,
                                             d.strides, d.dilates, d.padding, d.padding);
  return {desc, attr, engine()};
}

Program compile_forward(const ConvShape& s, bool bias, Activation activation) {
  const ConvDescs d(s);
  const auto pd = forward_desc(d, bias, attributes(activation));
  Program p;
  p.primitive = dnnl::convolution_forward(pd);
  p.operands.push_back(operand(DNNL_ARG_SRC, d.x_given, pd.src_desc(), false));
  p.operands.push_back(operand(DNNL_ARG_WEIGHTS, d.w_given, pd.weights_desc(), false));
  p.operands.push_back(operand(DNNL_ARG_DST, d.y_given, pd.dst_desc(), true));
  if (bias) p.operands.push_back(operand(DNNL_ARG_BIAS, d.bias_given, pd.bias_desc(), false));
  p.weights_operand = 1;
  p.weights_layout = layout_key(pd.weights_desc());
  p.scratchpad = pd.scratchpad_desc();
  return p;
}

Program compile_input_grad(const ConvShape& s) {
  const ConvDescs d(s);
  const auto hint = forward_desc(d, false, attributes());
  const dnnl::convolution_backward_data::desc desc(dnnl::algorithm::convolution_direct, d.x_wanted,
                                                   d.w_wanted, d.y_wanted, d.strides, d.dilates,
                                                   d.padding, d.padding);
  const dnnl::convolution_backward_data::primitive_desc pd(desc, attributes(), engine(), hint);
  Program p;
  p.primitive = dnnl::convolution_backward_data(pd);
  p.operands.push_back(operand(DNNL_ARG_DIFF_DST, d.y_given, pd.diff_dst_desc(), false));
  p.operands.push_back(operand(DNNL_ARG_WEIGHTS, d.w_given, pd.weights_desc(), false));
  p.operands.push_back(operand(DNNL_ARG_DIFF_SRC, d.x_given, pd.diff_src_desc(), true));
  p.weights_operand = 1;
  p.weights_layout = layout_key(pd.weights_desc());
  p.scratchpad = pd.scratchpad_desc();
  return p;
}

Program compile_weight_grad(const ConvShape& s) {
  const ConvDescs d(s);
  const auto hint = forward_desc(d, false, attributes());
  const dnnl::convolution_backward_weights::desc desc(dnnl::algorithm::convolution_direct,
                                                      d.x_wanted, d.w_wanted, d.y_wanted, d.strides,
                                                      d.dilates, d.padding, d.padding);
  const dnnl::convolution_backward_weights::primitive_desc pd(desc, attributes(), engine(), hint);
  Program p;
  p.primitive = dnnl::convolution_backward_weights(pd);
  p.operands.push_back(operand(DNNL_ARG_SRC, d.x_given, pd.src_desc(), false));
  p.operands.push_back(operand(DNNL_ARG_DIFF_DST, d.y_given, pd.diff_dst_desc(), false));
  p.operands.push_back(operand(DNNL_ARG_DIFF_WEIGHTS, d.w_given, pd.diff_weights_desc(), true));
  p.scratchpad = pd.scratchpad_desc();
  return p;
}

template <class T>
void* mutable_pointer(const T* data) {
  return const_cast<void*>(static_cast<const void*>(data));
}

// Calls body(part, x offset, y offset) for parts of the batch, in bytes. In deterministic mode the
// parts depend on the batch alone and each is computed by one thread, so the number of threads
// changes nothing; otherwise there is one part and oneDNN splits it as it likes.
template <class F>
void split_batch(const ConvShape& s, std::int64_t parts, const F& body) {
  if (!deterministic() || parts < 1) {
    body(s, compute_threads_here(), std::int64_t{0}, std::int64_t{0}, std::int64_t{0});
    return;
  }
  const std::int64_t part = (s.batch + parts - 1) / parts;
  const auto size = static_cast<std::int64_t>(size_of(s.dtype));
  const std::int64_t x_image = s.channels * s.height * s.width * size;
  const std::int64_t y_image = s.filters * s.out_height * s.out_width * size;
  parallel_for(s.batch, part, [&](std::int64_t begin, std::int64_t end) {
    ConvShape piece = s;
    piece.batch = end - begin;
    body(piece, 1, begin / part, begin * x_image, begin * y_image);
  });
}

constexpr std::int64_t kParts = 16;

const char* at(const void* data, std::int64_t offset) {
  return static_cast<const char*>(data) + offset;
}
char* at(void* data, std::int64_t offset) { return static_cast<char*>(data) + offset; }

}  // namespace

bool computes(DType dtype) {
  if (dtype == DType::f32) return true;
  if (dtype != DType::bf16) return false;
  static const bool bf16 = [] {
    (void)engine();
    const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
    const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
    return (isa & wanted) == wanted;
  }();
  return bf16;
}

CacheStats primitive_stats() { return programs().stats(); }
CacheStats weight_stats() { return packed_weights().stats(); }

void set_cache_limits(const CacheLimits& limits) {
  programs().set_limits(limits.primitives, ~std::size_t{0});
  packed_weights().set_limits(limits.weights, limits.weight_bytes);
}

void clear_caches() {
  programs().clear();
  packed_weights().clear();
}

void sgemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
           const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
           std::int64_t ldc, int threads) {
  (void)engine();
  const LibraryThreads scope(threads ? threads : compute_threads_here());
  const dnnl_status_t status = dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k,
                                          1.0f, a, lda, b, ldb, beta, c, ldc);
  require<InternalError>(status == dnnl_success, "dnnl_sgemm failed with status {}",
                         static_cast<int>(status));
}

void bf16_gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
               const void* a, std::int64_t lda, const void* b, std::int64_t ldb, void* c,
               std::int64_t ldc, int threads) {
  if (!threads) threads = compute_threads_here();
  const CacheKey key{static_cast<std::int64_t>(Kind::gemm),
                     transpose_a,
                     transpose_b,
                     m,
                     n,
                     k,
                     lda,
                     ldb,
                     ldc,
                     threads};
  const auto p = program(key, threads, [&] {
    const auto type = memory::data_type::bf16;
    const memory::desc ad({m, k}, type, transpose_a ? memory::dims{1, lda} : memory::dims{lda, 1});
    const memory::desc bd({k, n}, type, transpose_b ? memory::dims{1, ldb} : memory::dims{ldb, 1});
    const memory::desc cd({m, n}, type, memory::dims{ldc, 1});
    const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(ad, bd, cd), attributes(), engine());
    Program fresh;
    fresh.primitive = dnnl::matmul(pd);
    fresh.operands.push_back(operand(DNNL_ARG_SRC, ad, ad, false));
    fresh.operands.push_back(operand(DNNL_ARG_WEIGHTS, bd, bd, false));
    fresh.operands.push_back(operand(DNNL_ARG_DST, cd, cd, true));
    fresh.scratchpad = pd.scratchpad_desc();
    return fresh;
  });
  void* const data[] = {mutable_pointer(a), mutable_pointer(b), c};
  run(*p, data);
}

void conv_forward(const ConvShape& shape, const void* x, const Weights& weights, const void* bias,
                  Activation activation, void* y) {
  split_batch(shape, kParts,
              [&](const ConvShape& s, int threads, std::int64_t, std::int64_t xo, std::int64_t yo) {
                const auto p = program(
                    conv_key(Kind::forward, s, threads, bias != nullptr, activation), threads,
                    [&] { return compile_forward(s, bias != nullptr, activation); });
                void* const data[] = {mutable_pointer(at(x, xo)), mutable_pointer(weights.data),
                                      at(y, yo), mutable_pointer(bias)};
                run(*p, {data, p->operands.size()}, weights);
              });
}

void conv_input_grad(const ConvShape& shape, const void* dy, const Weights& weights, void* dx) {
  split_batch(shape, kParts,
              [&](const ConvShape& s, int threads, std::int64_t, std::int64_t xo, std::int64_t yo) {
                const auto p =
                    program(conv_key(Kind::input_grad, s, threads, false, Activation::none),
                            threads, [&] { return compile_input_grad(s); });
                void* const data[] = {mutable_pointer(at(dy, yo)), mutable_pointer(weights.data),
                                      at(dx, xo)};
                run(*p, data, weights);
              });
}

void conv_weight_grad(const ConvShape& shape, const void* x, const void* dy, void* dw) {
  const std::int64_t count = shape.filters * (shape.channels / shape.groups) *
                             shape.window.kernel[0] * shape.window.kernel[1];
  const auto bytes = static_cast<std::size_t>(count) * size_of(shape.dtype);
  // Each part has a gradient of its own; at most 64 MiB of them, but enough for four threads.
  const std::int64_t parts = std::clamp<std::int64_t>(
      static_cast<std::int64_t>((std::size_t{64} << 20) / std::max<std::size_t>(bytes, 1)), 4,
      kParts);
  const bool split = deterministic() && shape.batch > 1;
  const std::int64_t part = (shape.batch + parts - 1) / parts;
  const std::int64_t used = split ? (shape.batch + part - 1) / part : 1;
  const Workspace partial(used > 1 ? bytes * static_cast<std::size_t>(used) : 0);
  split_batch(
      shape, parts,
      [&](const ConvShape& s, int threads, std::int64_t index, std::int64_t xo, std::int64_t yo) {
        const auto p = program(conv_key(Kind::weight_grad, s, threads, false, Activation::none),
                               threads, [&] { return compile_weight_grad(s); });
        void* out =
            used > 1 ? static_cast<char*>(partial.data()) + static_cast<std::size_t>(index) * bytes
                     : dw;
        void* const data[] = {mutable_pointer(at(x, xo)), mutable_pointer(at(dy, yo)), out};
        run(*p, data);
      });
  if (used == 1) return;
  parallel_for(count, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      if (shape.dtype == DType::bf16) {
        const auto* from = static_cast<const BFloat16*>(partial.data());
        float total = 0;
        for (std::int64_t k = 0; k < used; ++k) total += static_cast<float>(from[k * count + i]);
        static_cast<BFloat16*>(dw)[i] = BFloat16(total);
      } else {
        const auto* from = static_cast<const float*>(partial.data());
        float total = 0;
        for (std::int64_t k = 0; k < used; ++k) total += from[k * count + i];
        static_cast<float*>(dw)[i] = total;
      }
    }
  });
}

}  // namespace athanor::backends::cpu::onednn
