#include "athanor/backends/cpu/pointwise.hpp"

#include <cstring>

#include "athanor/backends/cpu/kernels.hpp"
#include "athanor/backends/cpu/loop_plan.hpp"
#include "athanor/backends/cpu/memory_order.hpp"
#include "athanor/backends/cpu/tiles.hpp"
#include "athanor/base/parallel.hpp"

namespace athanor::backends::cpu {

namespace {

constexpr std::size_t kTileBytes = 4096;  // a handful of tiles fits the first-level cache
constexpr std::int64_t kLongRow = 256;    // rows from here on are walked one by one
constexpr std::size_t kMaxElement = 8;

// How the values of an input reach a tile.
enum class Access : std::uint8_t {
  direct,   // the tile is read where it lies in memory
  convert,  // one block of another dtype
  scalar,   // one value, converted before the loop
  row,      // inside a row: direct, one value, or gathered
  gather,   // the tile spans rows: elements are collected
  periodic  // the same, equal in every tile: collected once
};

struct Source {
  Access access = Access::direct;
  const char* base = nullptr;
  std::size_t size = 0;  // bytes of an element
  ConvertFn convert = nullptr;
  const Strides* strides = nullptr;
};

template <class T>
void gather_elements(const LoopPlan& plan, const Strides& strides, const void* base,
                     std::int64_t at, std::int64_t n, void* out) {
  const std::int64_t inner = plan.inner(), step = strides.back();
  T* y = static_cast<T*>(out);
  while (n > 0) {
    const std::int64_t length = std::min(n, inner - at % inner);
    const T* a = static_cast<const T*>(base) + offset_at(plan.shape, strides, at);
    if (step == 1) {
      std::memcpy(y, a, static_cast<std::size_t>(length) * sizeof(T));
    } else if (step == 0) {
      std::fill_n(y, length, *a);
    } else {
      for (std::int64_t i = 0; i < length; ++i) y[i] = a[i * step];
    }
    y += length, at += length, n -= length;
  }
}

void gather(const LoopPlan& plan, const Source& s, std::int64_t at, std::int64_t n, void* out) {
  switch (s.size) {
    case 1: return gather_elements<std::uint8_t>(plan, *s.strides, s.base, at, n, out);
    case 2: return gather_elements<std::uint16_t>(plan, *s.strides, s.base, at, n, out);
    case 4: return gather_elements<std::uint32_t>(plan, *s.strides, s.base, at, n, out);
    default: return gather_elements<std::uint64_t>(plan, *s.strides, s.base, at, n, out);
  }
}

// Memory of a thread for tiles, kept for the next call.
char* scratch(std::size_t bytes) {
  struct Memory {
    char* data = nullptr;
    std::size_t bytes = 0;
    ~Memory() { ::operator delete(data, std::align_val_t{64}); }
  };
  thread_local Memory memory;
  if (memory.bytes < bytes) {
    ::operator delete(memory.data, std::align_val_t{64});
    memory.data = nullptr;
    memory.bytes = 0;
    memory.data = static_cast<char*>(::operator new(bytes, std::align_val_t{64}));
    memory.bytes = bytes;
  }
  return memory.data;
}

struct Slot {
  const void* data = nullptr;
  bool splat = false;
};

class Run {
 public:
  Run(const Program& program, std::span<const Tensor> inputs, const Tensor& output)
      : program_(program), output_(output) {
    DType compute = output.dtype();
    for (const Tensor& t : inputs) compute = promote(compute, t.dtype());
    const int index = compute_index(compute);
    compute = kComputeTypes[index];
    table_ = &tile_table(index);
    constants_ = program.values[static_cast<std::size_t>(index)].data();
    size_ = table_->element_size;
    tile_ = static_cast<std::int64_t>(std::min<std::size_t>(1024, kTileBytes / size_));
    const bool same =
        output.dtype() == compute || (output.dtype() == DType::boolean && compute == DType::u8);
    if (!same) store_ = convert_function(compute, output.dtype());
    bind(inputs, compute);
  }

  void operator()() const {
    const std::int64_t count = output_.count();
    const std::int64_t grain = (kParallelGrain + tile_ - 1) / tile_ * tile_;
    parallel_for(count, grain, [this](std::int64_t begin, std::int64_t end) { block(begin, end); });
  }

 private:
  void bind(std::span<const Tensor> inputs, DType compute) {
    bool simple = output_.is_contiguous();
    for (std::size_t i = 0; simple && i < inputs.size(); ++i)
      simple = inputs[i].count() == 1 ||
               (inputs[i].is_contiguous() && inputs[i].shape() == output_.shape());
    bool all_dense = simple;
    if (!simple) {
      plan_ = make_plan(output_, inputs);
      all_dense = plan_.shape.size() == 1;
      for (std::size_t i = 0; all_dense && i < inputs.size(); ++i)
        all_dense = plan_.is_dense(i) || plan_.is_scalar(i);
      rows_ = !all_dense && plan_.inner() >= kLongRow;
      if (!all_dense && !rows_ && plan_.inner() <= tile_)
        tile_ = tile_ / plan_.inner() * plan_.inner();
    }
    values_.resize(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Tensor& t = inputs[i];
      Source s;
      s.base = static_cast<const char*>(t.raw());
      s.size = size_of(t.dtype());
      const bool same =
          t.dtype() == compute || (t.dtype() == DType::boolean && compute == DType::u8);
      if (!same) s.convert = convert_function(t.dtype(), compute);
      if (t.count() == 1 || (!simple && plan_.is_scalar(i))) {
        s.access = Access::scalar;
        (same ? convert_function(compute, compute) : s.convert)(s.base, &values_[i], 1);
      } else if (all_dense) {
        s.access = same ? Access::direct : Access::convert;
      } else {
        s.strides = &plan_.strides[i];
        s.access = rows_                                            ? Access::row
                   : plan_.is_periodic(i) && plan_.inner() <= tile_ ? Access::periodic
                                                                    : Access::gather;
      }
      sources_.push_back(s);
    }
  }

  // Makes the values of an input ready for a tile at walk position `at`.
  Slot load(std::size_t i, std::int64_t at, std::int64_t n, char* buffer, char* raw) const {
    const Source& s = sources_[i];
    const auto count = static_cast<std::size_t>(n);
    switch (s.access) {
      case Access::direct: return {s.base + static_cast<std::size_t>(at) * size_, false};
      case Access::convert:
        s.convert(s.base + static_cast<std::size_t>(at) * s.size, buffer, count);
        return {buffer, false};
      case Access::scalar: return {&values_[i], true};
      case Access::row: {
        const char* start =
            s.base + offset_at(plan_.shape, *s.strides, at) * static_cast<std::int64_t>(s.size);
        const std::int64_t step = s.strides->back();
        if (step == 0 || step == 1) {
          if (!s.convert) return {start, step == 0};
          s.convert(start, buffer, step == 0 ? 1 : count);
          return {buffer, step == 0};
        }
        break;
      }
      case Access::gather:
      case Access::periodic: break;
    }
    gather(plan_, s, at, n, s.convert ? raw : buffer);
    if (s.convert) s.convert(raw, buffer, count);
    return {buffer, false};
  }

  void block(std::int64_t begin, std::int64_t end) const {
    const Program& p = program_;
    const auto inputs = static_cast<std::size_t>(p.inputs);
    const std::size_t bytes = static_cast<std::size_t>(tile_) * size_;
    const std::size_t tile_bytes = (bytes + 63) / 64 * 64;
    const std::size_t raw_bytes = static_cast<std::size_t>(tile_) * kMaxElement;
    char* memory =
        scratch((inputs + static_cast<std::size_t>(p.registers) + 1) * tile_bytes + raw_bytes);
    char* registers = memory + inputs * tile_bytes;
    char* result = registers + static_cast<std::size_t>(p.registers) * tile_bytes;
    char* raw = result + tile_bytes;
    char* target = static_cast<char*>(output_.raw());
    const std::size_t output_size = size_of(output_.dtype());

    SmallVector<Slot, 24> slots(static_cast<std::size_t>(p.slots()));
    for (std::size_t c = 0; c < static_cast<std::size_t>(p.constants); ++c)
      slots[inputs + c] = {&constants_[c], true};
    bool first = true;
    for (std::int64_t at = begin; at < end;) {
      std::int64_t n = std::min(tile_, end - at);
      if (rows_) n = std::min(n, plan_.inner() - at % plan_.inner());
      for (std::size_t i = 0; i < inputs; ++i)
        if (first ||
            (sources_[i].access != Access::periodic && sources_[i].access != Access::scalar))
          // The first tile of a block is the longest: a periodic input is collected there.
          slots[i] = load(i, at, n, memory + i * tile_bytes, raw);
      first = false;
      char* out = target + static_cast<std::size_t>(at) * output_size;
      char* last = store_ ? result : out;
      tile(slots.data(), registers, tile_bytes, last, static_cast<std::size_t>(n));
      if (store_) store_(result, out, static_cast<std::size_t>(n));
      at += n;
    }
  }

  void tile(Slot* slots, char* registers, std::size_t tile_bytes, char* last, std::size_t n) const {
    const std::size_t first_register =
        static_cast<std::size_t>(program_.inputs + program_.constants);
    const auto* end = program_.code.data() + program_.code.size();
    for (const auto* i = program_.code.data(); i != end; ++i) {
      const Slot &a = slots[i->operands[0]], &b = slots[i->operands[1]], &c = slots[i->operands[2]];
      unsigned mode = a.splat;
      unsigned all = 1;
      if (i->operand_count > 1) mode |= static_cast<unsigned>(b.splat) << 1, all = 3;
      if (i->operand_count > 2) mode |= static_cast<unsigned>(c.splat) << 2, all = 7;
      const auto& functions = table_->functions[static_cast<int>(i->op)];
      const bool final = i + 1 == end;
      char* out = final ? last : registers + (i->target - first_register) * tile_bytes;
      if (mode != all) {
        functions[mode](a.data, b.data, c.data, out, n);
      } else {
        functions[0](a.data, b.data, c.data, out, 1);
        if (final)
          table_->functions[static_cast<int>(ScalarOp::argument)][1](out, out, out, out, n);
      }
      if (!final) slots[i->target] = {out, mode == all};
    }
  }

  const Program& program_;
  const Tensor& output_;
  const TileTable* table_ = nullptr;
  const std::uint64_t* constants_ = nullptr;
  std::size_t size_ = 0;  // bytes of an element in the compute type
  std::int64_t tile_ = 0;
  bool rows_ = false;  // tiles stay inside rows
  ConvertFn store_ = nullptr;
  LoopPlan plan_;
  SmallVector<Source, 4> sources_;
  SmallVector<std::uint64_t, 4> values_;
};

// A transposed input of full size: bringing it into the output's order first reads whole cache
// lines, collecting single elements does not.
bool better_copied(const Tensor& t, const Tensor& output) {
  return t.count() == output.count() && t.count() >= 4096 && !(t.strides() == output.strides()) &&
         t.shape() == output.shape();
}

void pointwise_kernel(const KernelCall& call) {
  run_program(program_for(call.op, call.attrs, call.inputs.size()), call.inputs, call.outputs[0]);
}

}  // namespace

void run_program(const Program& program, std::span<const Tensor> inputs, const Tensor& output) {
  ATH_ASSERT(static_cast<int>(inputs.size()) >= program.inputs);
  if (output.count() == 0) return;
  if (!output.is_contiguous() && !output.is_dense()) {
    const Tensor dense = Tensor::empty(output.shape(), output.dtype());
    run_program(program, inputs, dense);
    copy_into(dense, output);
    return;
  }
  inputs = inputs.first(static_cast<std::size_t>(program.inputs));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!better_copied(inputs[i], output)) continue;
    TensorList ordered(inputs.begin(), inputs.end());
    for (Tensor& t : ordered) {
      if (!better_copied(t, output)) continue;
      const Tensor copy = Tensor::empty_strided(t.shape(), output.strides(), t.dtype());
      copy_into(t, copy);
      t = copy;
    }
    Run(program, ordered, output)();
    return;
  }
  Run(program, inputs, output)();
}

void register_pointwise(KernelTable& t) { t.set_formula(Device::cpu, pointwise_kernel); }

}  // namespace athanor::backends::cpu
