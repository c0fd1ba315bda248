#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "athanor/data/dataset.hpp"

namespace athanor::data {

enum class SplitMethod {
  stratified,  ///< the same share of each class, chosen by a hash of (seed, name)
  order,       ///< the last pictures, in the order of the items
  every,       ///< every N-th picture: N, 2N, 3N ... counted from 1
  given        ///< as the data says; refused when it says nothing of a test part
};

struct SplitOptions {
  SplitMethod method = SplitMethod::stratified;
  double test_fraction = 0.2;
  double val_fraction = 0;  ///< of all items; a class keeps at least one for training
  std::int64_t every = 5;
  std::uint64_t seed = 0;
};

/// "stratified", "order", "given" or "every:N" into method and every; else a ValueError.
void parse_split(const std::string& text, SplitOptions& options);

struct Split {
  std::vector<std::int64_t> train, val, test;  ///< indices of items, ascending
};

/// Divides the items. A test part that the data itself gives is kept whatever the method, and the
/// rest is trained on; so is a val part. Items of one group (exact copies, see DataReport::groups)
/// never come into two parts, except where the data itself says so. `stratified` depends on names,
/// labels and seed, not on the order of the items, and a class with two groups or more has at least
/// one item in test and one in train.
/// Throws RefusalError "split-too-small" when a part that was asked for comes out empty.
Split split(const ImageDataset& dataset, const SplitOptions& options,
            std::span<const std::int64_t> groups);
/// Finds the groups itself, which reads every picture.
Split split(const ImageDataset& dataset, const SplitOptions& options = {});

/// k stratified divisions: each item is in the test part of exactly one. 2 <= k <= items.
std::vector<Split> k_fold(const ImageDataset& dataset, int k, std::uint64_t seed,
                          std::span<const std::int64_t> groups);

/// Pictures per class among the items.
std::vector<std::int64_t> class_counts(const ImageDataset& dataset,
                                       std::span<const std::int64_t> items);

/// n / (classes * n_c), the mean over pictures being 1; 0 for a class without pictures.
std::vector<float> inverse_frequency_weights(std::span<const std::int64_t> counts);

/// (1 - beta) / (1 - beta^n_c) (Cui et al. 2019, equation 4), scaled to a sum of the number of
/// classes that have pictures; 0 for a class without. 0 <= beta < 1.
std::vector<float> effective_number_weights(std::span<const std::int64_t> counts,
                                            double beta = 0.999);

}  // namespace athanor::data
