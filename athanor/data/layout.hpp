#pragma once

#include <string>
#include <vector>

#include "athanor/data/dataset.hpp"

namespace athanor::data {

/// What the folders of a picture's path say about it.
struct Placed {
  std::string class_name;  ///< empty: the folders name no class
  Part part = Part::unassigned;
};

struct Layout {
  std::vector<Placed> placed;        ///< one per path
  std::vector<std::string> classes;  ///< sorted, those that occur
  bool nested = false;               ///< pictures lie in folders below their class folder
};

/// Understands the folder names of pictures. Folders around everything are skipped; then
/// `part/class/...`, `class/part/...` or `class/...`, where deeper folders belong to their class.
/// Paths: relative, '/' between components.
Layout understand_folders(const std::vector<std::string>& paths);

}  // namespace athanor::data
