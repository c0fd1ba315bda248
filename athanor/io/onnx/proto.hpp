#pragma once

// Private to this folder: the only place that sees protobuf and libonnx.
#include <onnx/onnx_pb.h>

#include <string>

#include "athanor/io/onnx/onnx.hpp"
#include "athanor/op/onnx_map.hpp"

namespace athanor::io::detail {

/// Fills a TensorProto with the row-major bytes of a real tensor.
void write_tensor(const Tensor& tensor, ::onnx::TensorProto& out);

/// A tensor of the file. Throws FormatError when the data does not fill the shape, UnsupportedError
/// for external data and for types that athanor does not have.
Tensor read_tensor(const ::onnx::TensorProto& proto, const OnnxLimits& limits);

/// Dimensions of a file as a shape: no negative ones, no overflow. Throws FormatError.
Shape read_shape(std::span<const std::int64_t> dims, const std::string& name,
                 const OnnxLimits& limits);

/// Writes the nodes of a scalar expression and returns the name of its value. `inputs`: names and
/// tensors of the arguments.
std::string write_formula(OnnxWriter& writer, const OpDef& op, const Expr& formula,
                          const OnnxNames& names, std::span<const Tensor> inputs,
                          const Tensor& output);

/// The dtype in which a pointwise op computes on these inputs: ONNX does not promote.
DType compute_dtype(const OpDef& op, std::span<const Tensor> inputs);

}  // namespace athanor::io::detail
