#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace athanor::vision {

/// Makes the folder and one folder in it for each class. Throws RefusalError when it exists and is
/// not empty, IoError when it cannot be made.
void make_class_folders(const std::filesystem::path& folder, std::span<const std::string> classes);

}  // namespace athanor::vision
