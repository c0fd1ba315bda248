#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "athanor/data/dataset.hpp"
#include "athanor/vision/image/preprocess.hpp"
#include "athanor/vision/models/readout.hpp"

namespace athanor::train {

/// What a readout is fitted on.
struct ReadoutTask {
  const data::ImageDataset& dataset;
  std::span<const std::int64_t> items;
  const vision::Preprocess& preprocess;
  std::vector<float> class_weights;  ///< empty: all 1
  bool mirror_horizontal = false;    ///< mirrored pictures are learnt too
  bool mirror_vertical = false;
  std::uint64_t seed = 0;  ///< of the folds
};

struct ReadoutFit {
  double regularization = 0;         ///< the factor of the squared weights that was chosen
  std::vector<double> tried_losses;  ///< out-of-fold loss of each factor that was tried
  double loss = 0;                   ///< of the chosen one, on pictures that the fit had not seen
  std::vector<int> folds;            ///< of each item
  std::vector<bool> right;           ///< whether it was right while its fold was held out
  bool interrupted = false;          ///< stopped before it was done; the model is unchanged

  /// Share of items that were right while held out.
  double accuracy() const;
};

inline constexpr int kReadoutFolds = 4;

/// Fits the linear layer of `model` by L-BFGS to the cross-entropy (multi-label: the binary one)
/// plus the squared weights times a factor; the trunk stays as it is. The factor is chosen among
/// five by the loss on held-out quarters of the items (4-fold cross-validation, folds stratified by
/// class; all views of a picture are in one fold). `progress` (may be empty) hears the share done,
/// 0 to 1. Throws MemoryError when the statistics of the pictures need more than 2 GiB.
ReadoutFit fit_readout(vision::ReadoutModel& model, const ReadoutTask& task,
                       const std::function<void(double)>& progress = {},
                       const std::atomic<bool>* stop = nullptr);

}  // namespace athanor::train
