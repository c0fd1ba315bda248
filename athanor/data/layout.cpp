#include "athanor/data/layout.hpp"

#include <algorithm>
#include <cstddef>
#include <set>

#include "athanor/data/names.hpp"

namespace athanor::data {

namespace {

using Path = std::vector<std::string>;  // the last component is the file

// How many leading folders hold everything, are no part, and leave a folder for the class.
std::size_t wrapper_depth(const std::vector<Path>& paths) {
  std::size_t depth = 0;
  while (true) {
    for (const Path& path : paths)
      if (path.size() < depth + 3 || path[depth] != paths[0][depth]) return depth;
    if (part_of(paths[0][depth]) != Part::unassigned) return depth;
    ++depth;
  }
}

}  // namespace

Layout understand_folders(const std::vector<std::string>& names) {
  Layout layout;
  if (names.empty()) return layout;
  std::vector<Path> paths;
  paths.reserve(names.size());
  for (const std::string& name : names) paths.push_back(split_path(name));
  const std::size_t skip = wrapper_depth(paths);

  std::size_t part_first = 0, part_second = 0;
  for (const Path& path : paths) {
    if (path.size() > skip + 1 && part_of(path[skip]) != Part::unassigned) ++part_first;
    if (path.size() > skip + 2 && part_of(path[skip + 1]) != Part::unassigned) ++part_second;
  }
  const bool parts_outside = part_first > 0;
  const bool parts_inside = !parts_outside && part_second * 2 >= paths.size();

  std::set<std::string> classes;
  for (const Path& path : paths) {
    Placed placed;
    std::size_t at = skip;
    const std::size_t folders = path.size() - 1;
    if (parts_outside) {
      if (at < folders) placed.part = part_of(path[at]);
      // A folder beside train and test belongs to neither: no class.
      if (placed.part != Part::unassigned && ++at < folders) placed.class_name = path[at++];
    } else if (at < folders) {
      placed.class_name = path[at++];
      if (parts_inside && at < folders) {
        placed.part = part_of(path[at]);
        if (placed.part != Part::unassigned) ++at;
      }
    }
    if (!placed.class_name.empty()) {
      classes.insert(placed.class_name);
      if (at < folders) layout.nested = true;
    }
    layout.placed.push_back(std::move(placed));
  }
  layout.classes.assign(classes.begin(), classes.end());
  sort_classes(layout.classes);
  return layout;
}

}  // namespace athanor::data
