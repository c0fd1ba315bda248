#pragma once

#include <optional>
#include <vector>

#include "athanor/nn/module.hpp"

namespace athanor::optim {

/// Parameters that are optimised alike.
struct ParameterGroup {
  std::vector<nn::NamedTensor> parameters;
  double weight_decay = 0;
  double learning_rate_scale = 1;
};

/// All trainable parameters as one group.
std::vector<ParameterGroup> one_group(const nn::Module& module, double weight_decay = 0);
/// Weight decay on weights of rank 2 and more only; none on biases and normalisation.
std::vector<ParameterGroup> decay_groups(const nn::Module& module, double weight_decay);

/// Moves the parameters into one buffer per dtype, with a buffer of equal layout for the gradients
/// (and, on demand, for optimiser states), so that one kernel serves all of them. The parameters'
/// handles stay valid: they become views of the buffer. backward() writes gradients straight into
/// theirs. A parameter begins at a multiple of 64 bytes; the gap is zero in every buffer.
class ParameterArena {
 public:
  /// Where a parameter lies.
  struct Entry {
    std::string name;
    Tensor tensor;
    std::size_t group = 0;
    std::size_t buffer = 0;   ///< index into buffers()
    std::int64_t begin = 0;   ///< first element
    std::int64_t end = 0;     ///< behind the last
    std::int64_t padded = 0;  ///< where the next one begins
    /// False for a parameter that no gradient has reached since zero_grad(): it is not stepped.
    bool has_gradient() const { return static_cast<bool>(tensor.impl().autograd->grad); }
  };
  struct Buffer {
    DType dtype;
    Tensor values;     ///< rank 1
    Tensor gradients;  ///< the same layout
  };
  /// A run of neighbouring parameters of one group that have gradients.
  struct Range {
    std::size_t buffer;
    std::size_t group;
    std::size_t first;  ///< index into entries()
    std::size_t last;   ///< behind
    std::int64_t begin;
    std::int64_t end;
  };

  /// Takes the parameters that require a gradient. Throws ValueError for a parameter named twice,
  /// or shared with another arena.
  explicit ParameterArena(const std::vector<ParameterGroup>& groups);
  ~ParameterArena();
  ParameterArena(const ParameterArena&) = delete;
  ParameterArena& operator=(const ParameterArena&) = delete;

  const std::vector<Entry>& entries() const { return entries_; }
  const std::vector<Buffer>& buffers() const { return buffers_; }
  /// Where there are gradients now. `same(a, b)` may keep entries a and b apart.
  template <class Same>
  std::vector<Range> ranges(const Same& same) const {
    std::vector<Range> out;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Entry& e = entries_[i];
      if (!e.has_gradient()) continue;
      if (!out.empty() && out.back().last == i && out.back().buffer == e.buffer &&
          out.back().group == e.group && same(out.back().first, i)) {
        out.back().last = i + 1;
        out.back().end = e.padded;
      } else {
        out.push_back({e.buffer, e.group, i, i + 1, e.begin, e.padded});
      }
    }
    return out;
  }
  std::vector<Range> ranges() const {
    return ranges([](std::size_t, std::size_t) { return true; });
  }

  /// Forgets the gradients. Costs nothing: the next backward() overwrites them.
  void zero_grad();

  /// A zeroed buffer with the layout of buffers()[i], of dtype f64 for f64 and f32 otherwise.
  Tensor make_state(std::size_t buffer) const;
  /// The part of such a buffer that belongs to an entry, with the parameter's shape.
  static Tensor part(const Tensor& buffer, const Entry& entry);

 private:
  std::vector<Entry> entries_;
  std::vector<Buffer> buffers_;
};

}  // namespace athanor::optim
