#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "athanor/data/dataset.hpp"

namespace athanor::data {

/// Whether the file, gzipped or not, is an IDX file of pictures: three or four dimensions.
bool is_idx_images(const std::filesystem::path& path);

/// Where the labels of an IDX file of pictures may lie: "images" becomes "labels", "idx3" or "idx4"
/// becomes "idx1", with or without .gz.
std::vector<std::filesystem::path> idx_label_names(const std::filesystem::path& images);

/// Opens IDX files of pictures with their labels files. Several files are parts by their names
/// (train, t10k or test) and their items are named "train/idx:0"; a single file's "idx:0".
ImageDataset open_idx_files(const std::vector<std::filesystem::path>& images,
                            const std::string& origin);

}  // namespace athanor::data
