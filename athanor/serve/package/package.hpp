#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "athanor/base/file.hpp"
#include "athanor/vision/image/preprocess.hpp"

namespace athanor::serve {

/// What a model package says of its model: everything that a prediction needs besides the graph.
/// docs/formats.md describes the file, manifest.json.
struct Manifest {
  std::string task = "image.classify";
  std::string name;  ///< letters, digits, '-', '_' and '.', at most 64; part of the URL
  std::vector<std::string> labels;
  bool multi_label = false;
  std::string input = "pixels";   ///< f32 [N, channels, height, width]
  std::string output = "scores";  ///< f32 [N, labels]: softmax, or sigmoid when multi_label
  vision::Preprocess preprocess;
  double threshold = 0.5;  ///< recommended; 0..1
  nlohmann::json metrics = nlohmann::json::object();
  nlohmann::json provenance = nlohmann::json::object();
};

void to_json(nlohmann::json& json, const Manifest& manifest);
/// Throws FormatError that names the field which is missing, of the wrong type or out of range.
void from_json(const nlohmann::json& json, Manifest& manifest);
/// Parses untrusted text; the same errors.
Manifest parse_manifest(std::string_view text);

/// A model as one .zip: manifest.json, model.onnx, and whatever reports came with it.
struct Package {
  Manifest manifest;
  Bytes onnx;
};

struct Attachment {
  std::string name;  ///< "report.json"
  Bytes bytes;
};

/// Atomic: the file at `path` is the old one or the new one, whole. Throws IoError.
void write_package(const std::filesystem::path& path, const Package& package,
                   const std::vector<Attachment>& attachments = {});
/// Throws RefusalError (Exit::model) when the file is no model package, IoError when it cannot be
/// read.
Package read_package(const std::filesystem::path& path);

/// `text` as a model name: other characters become '-', at most 64; "model" when nothing is left.
std::string model_name(std::string_view text);

}  // namespace athanor::serve
