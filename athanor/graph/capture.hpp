#pragma once

#include <functional>
#include <unordered_map>
#include <utility>

#include "athanor/graph/graph.hpp"
#include "athanor/op/dispatch.hpp"

namespace athanor::graph {

struct NamedMeta {
  std::string name;
  TensorMeta meta;
};

/// Real tensors with the names that they keep in the graph.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// Writes the ops that run on its symbolic tensors into a graph instead of running them. Stands at
/// the bottom of the interpreter stack, below the tape:
/// `Capture capture; InterpreterScope scope(capture, InterpreterScope::Place::below_tape);`
/// Real tensors that meet symbolic ones become constants; calls whose inputs are all real run at
/// once and leave only their result.
class Capture final : public Interpreter {
 public:
  struct Limits {
    /// Bytes that calls on constants alone may produce in all; hostile files ask for terabytes.
    std::uint64_t folded_bytes = std::uint64_t{1} << 40;
  };
  Capture() = default;
  explicit Capture(Limits limits) : limits_(limits) {}

  /// A symbolic tensor for an input. Throws ValueError for a name that is taken, ShapeError when a
  /// dimension other than the leading one is kDynamic.
  Tensor input(const std::string& name, const TensorMeta& meta);
  /// The name that a real tensor gets if it flows in. Throws ValueError for a name that is taken.
  void name_constant(const std::string& name, const Tensor& tensor);
  /// Renames the value of a symbolic tensor unless the name is taken; for importers.
  void rename(const Tensor& tensor, const std::string& name);
  /// Declares a result. A real tensor becomes a constant.
  void output(const std::string& name, const Tensor& tensor);
  /// The graph, verified. The capture is empty afterwards.
  Graph finish();

  TensorList run(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs) override;

  /// For a capture whose graph is run at once, on the tape and maybe inside another capture:
  /// constants keep their history, and symbolic tensors of the captures around it are constants
  /// too.
  void nest() { nested_ = true; }

  /// The value that a tensor stands for, made a constant when it is real. Throws ValueError for a
  /// symbolic tensor of another capture.
  ValueId value_of(const Tensor& tensor);
  const Graph& graph() const { return graph_; }

 private:
  struct Symbol;
  struct ConstantKey {
    std::uint64_t storage;
    std::int64_t offset;
    Shape shape;
    Strides strides;
    DType dtype;
    friend bool operator==(const ConstantKey&, const ConstantKey&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const ConstantKey& key) const;
  };
  static ConstantKey key_of(const Tensor& tensor);
  bool owns(const Tensor& tensor) const;
  bool taken(const std::string& name) const { return names_.contains(name); }
  std::string fresh_name(const std::string& wanted);
  TensorList run_now(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs);

  Limits limits_;
  std::uint64_t folded_ = 0;
  bool nested_ = false;
  Graph graph_;
  std::unordered_map<std::string, int> names_;  // taken names, with the next number to try
  std::unordered_map<ConstantKey, ValueId, KeyHash> constants_;
  std::unordered_map<ConstantKey, std::string, KeyHash> constant_names_;
};

struct CaptureOptions {
  NamedTensors parameters = {};                ///< names of real tensors; the others are numbered
  std::vector<std::string> output_names = {};  ///< default "output", "output_1" ...
};

/// Runs `function` once on symbolic inputs, without gradients, and returns what it did.
Graph capture(const std::function<TensorList(const TensorList&)>& function,
              std::span<const NamedMeta> inputs, const CaptureOptions& options = {});

}  // namespace athanor::graph
