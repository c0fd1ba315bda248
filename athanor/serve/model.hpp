#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::serve {

/// A tensor as it travels: row-major little-endian bytes. `datatype` is an Open Inference Protocol
/// name: BOOL, UINT8..UINT64, INT8..INT64, FP16, BF16, FP32, FP64, BYTES. The data of BYTES is, per
/// element, a 4-byte little-endian length and the bytes.
struct TensorValue {
  std::string name;
  std::string datatype;
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> data;
};

/// An input or output of a model; -1 in the shape stands for any size.
struct TensorInfo {
  std::string name;
  std::string datatype;
  std::vector<std::int64_t> shape;
};

struct Prediction {
  std::string label;
  double score = 0;
};

struct ModelInfo {
  std::string name;
  std::string version = "1";
  std::string platform;  ///< such as "athanor" or "onnx"
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::string task;  ///< such as "image.classify"; empty when it has no task of the product
  std::vector<std::string> labels;
  bool takes_pictures = false;  ///< prepare() and interpret() work: /predict answers for it
};

/// A model as the server sees it. infer() is only ever called by one thread at a time, and always
/// by the same one; prepare() and interpret() by many at once.
class ServedModel {
 public:
  virtual ~ServedModel() = default;
  virtual const ModelInfo& info() const = 0;

  /// `inputs` are in the order of info().inputs and checked against it. Outputs in the order of
  /// info().outputs. When every input and output has -1 as its first dimension, requests may come
  /// stacked along it.
  virtual std::vector<TensorValue> infer(const std::vector<TensorValue>& inputs) = 0;

  /// The inputs for one encoded picture (JPEG, PNG, ...), first dimension 1. Throws FormatError for
  /// bytes that are no picture, UnsupportedError for a format that is not read, ValueError for one
  /// of more than `max_pixels`, which is told from its header, before anything is decoded.
  virtual std::vector<TensorValue> prepare(std::span<const std::uint8_t> picture,
                                           std::int64_t max_pixels) const;

  /// What the outputs of one prepared picture say: at most `top_k` labels, best first.
  virtual std::vector<Prediction> interpret(const std::vector<TensorValue>& outputs,
                                            int top_k) const;
};

/// Bytes of an element; 0 for BYTES, whose elements differ, and -1 for a name that does not exist.
int datatype_size(std::string_view datatype);

/// Product of the dimensions, which must not be negative. False when it exceeds int64.
bool element_count(std::span<const std::int64_t> shape, std::int64_t& count);

}  // namespace athanor::serve
