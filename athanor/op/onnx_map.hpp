#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "athanor/op/signature.hpp"
#include "athanor/tensor/tensor.hpp"

namespace athanor {

struct OpDef;

/// An attribute of an ONNX node.
using OnnxAttr = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>,
                              std::vector<double>, Tensor>;
using OnnxAttrs = std::map<std::string, OnnxAttr>;
using OnnxNames = std::vector<std::string>;

/// The call of an op that is being exported. Empty name: an optional input that is absent.
struct OnnxCall {
  const OpDef& op;
  OnnxNames inputs;
  std::span<const Tensor> input_tensors;   ///< shapes and dtypes (symbolic), constants with data
  std::span<const Tensor> output_tensors;  ///< shapes and dtypes
  const Attrs& attrs;
};

/// Adds nodes to an ONNX graph; implemented by io/onnx.
class OnnxWriter {
 public:
  virtual ~OnnxWriter() = default;
  /// Adds a node and returns the names of its outputs. An empty input name is an absent optional
  /// input.
  virtual OnnxNames nodes(const std::string& type, const OnnxNames& inputs, const OnnxAttrs& attrs,
                          int outputs) = 0;
  std::string node(const std::string& type, const OnnxNames& inputs, const OnnxAttrs& attrs = {}) {
    return nodes(type, inputs, attrs, 1)[0];
  }
  virtual std::string constant(const Tensor& value) = 0;
};

/// A node that is being imported: values are tensors (symbolic under capture, real when constant).
class OnnxReader {
 public:
  virtual ~OnnxReader() = default;
  virtual const std::string& type() const = 0;
  virtual int input_count() const = 0;
  /// Undefined for an absent optional input.
  virtual Tensor input(int i) const = 0;
  /// An input that must be known now (axes, shapes). Throws UnsupportedError when it is computed at
  /// run time.
  virtual Tensor constant(int i) const = 0;
  virtual int output_count() const = 0;
  virtual bool has(const std::string& name) const = 0;
  virtual std::int64_t integer(const std::string& name, std::int64_t value) const = 0;
  virtual double real(const std::string& name, double value) const = 0;
  virtual std::string text(const std::string& name, const std::string& value) const = 0;
  virtual std::vector<std::int64_t> integers(const std::string& name,
                                             const std::vector<std::int64_t>& value) const = 0;
  virtual std::vector<std::string> texts(const std::string& name,
                                         const std::vector<std::string>& value) const = 0;
  /// Opset of the default domain.
  virtual int opset() const = 0;
};

using OnnxTo = std::function<OnnxNames(OnnxWriter&, const OnnxCall&)>;
/// Runs ops on the reader's inputs and returns the node's outputs.
using OnnxFrom = std::function<TensorList(const OnnxReader&)>;

/// The ONNX mapping of an op, opset 17: a node of its own, its lowering or formula, or a reason for
/// none.
struct OnnxMap {
  enum class Kind : std::uint8_t { missing, node, lowering, none };
  Kind kind = Kind::missing;
  std::string reason;  ///< for none
  /// For an op that has a form but for some calls: the reason why one with these attributes has
  /// none, or an empty text.
  std::function<std::string(const Attrs&)> refuses;
  OnnxTo to;
  std::vector<std::pair<std::string, OnnxFrom>> from;  ///< by ONNX node type

  /// Why a call has no form; empty when it has one.
  std::string refusal(const Attrs& attrs) const {
    return kind == Kind::none ? reason : refuses ? refuses(attrs) : std::string();
  }
};

/// The same inputs and output under another name, no attributes: onnx_node("Relu").
OnnxMap onnx_node(const std::string& type);
OnnxMap onnx_custom(OnnxTo to, std::vector<std::pair<std::string, OnnxFrom>> from = {});
/// Exported as its lowering or formula.
OnnxMap onnx_lowering();
OnnxMap onnx_none(std::string reason);

/// The number of a dtype in ONNX (TensorProto.DataType), and back. Throws DTypeError for one that
/// athanor does not have.
std::int64_t onnx_type(DType dtype);
DType dtype_from_onnx(std::int64_t type);
/// The name of input i converted to dtype by a Cast node, or as it is.
std::string onnx_cast(OnnxWriter& writer, const OnnxCall& call, std::size_t i, DType dtype);

}  // namespace athanor
