#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "athanor/base/file.hpp"
#include "athanor/data/archive.hpp"
#include "athanor/data/idx.hpp"
#include "athanor/data/problem.hpp"

namespace athanor::data {

enum class Part : std::uint8_t { unassigned, train, val, test };

const char* to_string(Part part);

/// The part that a folder or cell names: train, training, val, valid, validation, dev, test,
/// testing and the Chinese words, in any case; unassigned for everything else.
Part part_of(std::string_view name);

/// Pixels as they are, row-major, interleaved channels, 8 bits.
struct RawPicture {
  int width = 0;
  int height = 0;
  int channels = 1;
  Bytes pixels;
};

/// An encoded picture file (Bytes) or raw pixels.
using Picture = std::variant<Bytes, RawPicture>;

struct Item {
  std::string name;         ///< stable id, UTF-8: relative path, or "idx:N"
  std::vector<int> labels;  ///< indices into classes, ascending; exactly one unless multi_label
  Part part = Part::unassigned;
  std::filesystem::path file;  ///< of the picture; empty for a slice of an IDX file
  int source = -1;             ///< which of ImageDataset::arrays
  std::int64_t slice = -1;     ///< which picture of it
};

/// Pictures with their labels, whatever they were brought in as. Pictures are read when asked for.
struct ImageDataset {
  std::vector<std::string> classes;
  std::vector<Item> items;  ///< sorted bytewise by name; IDX in the order of the file
  bool multi_label = false;
  std::string origin;             ///< what was opened, and how it was understood
  std::vector<Problem> problems;  ///< found while opening
  std::vector<std::shared_ptr<const IdxArray>> arrays;

  /// Safe to call from several threads. Throws IoError or FormatError.
  Picture read(const Item& item) const;
};

struct OpenOptions {
  std::filesystem::path work_folder;  ///< where archives are unpacked; needed for archives alone
  ArchiveLimits limits;
  std::string label_column;  ///< of a list: a header's name or a 1-based number; empty: found
};

/// Opens a folder, an archive, a list of pictures (CSV, TSV, text) or IDX files, whichever `path`
/// is. athanor/data/README.md says how each is understood. Throws RefusalError when no labelled
/// pictures can be found in it; what is wrong in detail comes from check().
ImageDataset open_dataset(const std::filesystem::path& path, const OpenOptions& options = {});

}  // namespace athanor::data
