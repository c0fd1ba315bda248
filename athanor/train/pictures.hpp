#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "athanor/data/dataset.hpp"
#include "athanor/data/loader.hpp"
#include "athanor/tensor/tensor.hpp"
#include "athanor/vision/image/augmentation.hpp"
#include "athanor/vision/image/mix.hpp"
#include "athanor/vision/image/preprocess.hpp"

namespace athanor::train {

/// A picture of a data set, decoded: grey (1 channel) or RGB (3).
/// min_side > 0 lets a JPEG come smaller, as DecodeOptions::target_min_side. Throws FormatError,
/// IoError.
vision::Image load_picture(const data::ImageDataset& dataset, std::int64_t item, int channels,
                           int min_side = 0);

/// What the recipe must know of the pictures before it can choose: found on a sample of them.
struct PictureFacts {
  int median_width = 0, median_height = 0;
  bool gray = false;  ///< all sampled pictures are grey
};
PictureFacts picture_facts(const data::ImageDataset& dataset, std::span<const std::int64_t> items);

/// Training pictures, decoded once and kept at little more than the size that training needs, as
/// long as they fit `memory_limit` bytes; beyond that the rest is decoded each time.
class PictureCache {
 public:
  /// `side`: the shorter side that is kept (a picture is never enlarged).
  PictureCache(const data::ImageDataset& dataset, std::span<const std::int64_t> items, int channels,
               int side, std::size_t memory_limit = std::size_t{1} << 30);
  std::int64_t size() const { return static_cast<std::int64_t>(items_.size()); }
  std::int64_t item(std::int64_t index) const { return items_[static_cast<std::size_t>(index)]; }
  /// The picture at a position of `items`; safe from several threads.
  vision::Image get(std::int64_t index) const;
  const data::ImageDataset& dataset() const { return *dataset_; }

  /// Mean and standard deviation of each channel over the kept pictures, levels scaled to [0, 1].
  /// Grey: the first value three times.
  struct Moments {
    std::array<float, 3> mean{}, std{};
  };
  Moments moments() const;

 private:
  vision::Image load(std::int64_t index) const;
  const data::ImageDataset* dataset_;
  std::vector<std::int64_t> items_;
  std::vector<vision::Image> kept_;
  int channels_, side_;
};

/// A batch: pixels [N, C, H, W] with NHWC strides, targets [N, classes] as probabilities (or 0 and
/// 1).
struct PictureBatch {
  Tensor pixels;
  Tensor targets;
};

struct BatchOptions {
  std::int64_t batch_size = 64;
  int workers = 2;
  std::uint64_t seed = 0;
  vision::Augmentation augmentation;
  vision::Preprocess preprocess;
  int classes = 2;
  float mixup = 0;   ///< alpha; 0: off
  float cutmix = 0;  ///< alpha; with both, each batch takes one of them, by chance
};

/// Augmented training batches. Everything is a pure function of (seed, epoch, position).
class PictureBatches {
 public:
  PictureBatches(const PictureCache& cache, BatchOptions options);
  std::int64_t batches_per_epoch() const { return loader_.batches(); }
  void start_epoch(std::int64_t epoch, std::int64_t batch = 0);
  /// The next batch; throws InternalError past the end of the epoch.
  PictureBatch next();

 private:
  struct Buffer;
  void load(std::int64_t index, std::int64_t slot, Random& random, Buffer& buffer) const;
  const PictureCache& cache_;
  BatchOptions options_;
  std::int64_t epoch_ = 0;
  data::DataLoader<Buffer> loader_;
};

/// Calls body(first position, pixels [N, C, H, W] with NHWC strides) over the items in order,
/// prepared exactly as a deployed model prepares them.
void for_each_prepared(const data::ImageDataset& dataset, std::span<const std::int64_t> items,
                       const vision::Preprocess& preprocess, std::int64_t batch_size,
                       const std::function<void(std::int64_t, const Tensor&)>& body);

}  // namespace athanor::train
