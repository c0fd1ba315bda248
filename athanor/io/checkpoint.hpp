#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "athanor/base/error.hpp"
#include "athanor/tensor/tensor_map.hpp"

namespace athanor::io {

/// What a checkpoint holds: tensors, and everything else as JSON (numbers keep all their bits; NaN
/// and infinities must be written as text).
struct Checkpoint {
  TensorMap tensors;
  nlohmann::json state = nlohmann::json::object();
};

struct CheckpointOptions {
  std::uint64_t shard_bytes = std::uint64_t{2} << 30;  ///< a new shard begins beyond this
  int keep = 2;  ///< whole checkpoints that stay, the new one included; at least 1
};

/// Writes folder/checkpoint-00000042 (one more than the newest): safetensors shards, an index and
/// state.json, with the SHA-256 of each in checkpoint.json. Everything is written and synced in a
/// folder beside and then renamed; older ones go afterwards. Killed at any moment, the folder loads
/// the new checkpoint or the one before it. Creates `folder`; one writer at a time (a lock file
/// holds others back). Throws IoError; what was there stays. Returns the path of the checkpoint.
std::filesystem::path save_checkpoint(const std::filesystem::path& folder,
                                      const Checkpoint& checkpoint,
                                      const CheckpointOptions& options = {});

struct LoadedCheckpoint : Checkpoint {
  std::filesystem::path path;
  std::int64_t number = 0;
  std::vector<Text> warnings;  ///< newer checkpoints that were damaged, and why
};

/// The newest checkpoint whose checksums are right. Throws IoError when there is none at all,
/// FormatError when all are damaged.
LoadedCheckpoint load_checkpoint(const std::filesystem::path& folder);

/// True if the folder holds at least one checkpoint, damaged or not.
bool has_checkpoint(const std::filesystem::path& folder);

}  // namespace athanor::io
