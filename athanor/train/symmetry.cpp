#include "athanor/train/symmetry.hpp"

#include <algorithm>

#include "athanor/autograd/autograd.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/nn/batch_norm.hpp"
#include "athanor/nn/layers.hpp"
#include "athanor/nn/losses.hpp"
#include "athanor/op/dispatch.hpp"
#include "athanor/ops/ops.hpp"
#include "athanor/optim/optimizer.hpp"
#include "athanor/optim/schedule.hpp"
#include "athanor/vision/image/resize.hpp"

namespace athanor::train {

using vision::Image;

namespace {

constexpr int kSide = 40;  // pictures are looked at in this size
constexpr int kShift = 4;  // and cut to kSide - kShift at a random place
constexpr std::int64_t kBatch = 64;
constexpr std::int64_t kSteps = 240;
constexpr std::int64_t kFewest = 60;  // pictures; fewer teach a network nothing
constexpr std::int64_t kMost = 1200;
constexpr double kChance = 0.66;  // accuracy up to which two worlds count as one

std::unique_ptr<nn::Sequential> make_judge(std::uint64_t seed) {
  auto net = std::make_unique<nn::Sequential>();
  std::int64_t in = 1;
  for (std::int64_t out : {16, 32, 48}) {
    nn::ConvOptions conv;
    conv.stride = {2, 2};
    conv.padding = {1, 1};
    net->emplace<nn::Conv2d>(in, out, std::int64_t{3}, conv);
    nn::BatchNormOptions norm;
    norm.activation = "relu";
    net->emplace<nn::BatchNorm2d>(out, norm);
    in = out;
  }
  net->emplace<nn::GlobalAvgPool>();
  net->emplace<nn::Linear>(in, 2);
  net->initialize(seed);
  return net;
}

// One picture of the judge's batch: cut out at (dx, dy), mirrored along the other axis by `other`
// so that nothing but the question tells the two classes apart, and along the axis in question by
// `mirrored`.
void place(const Image& image, int dx, int dy, bool flip_x, bool flip_y, float* out) {
  constexpr int n = kSide - kShift;
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      const int from_x = flip_x ? kSide - 1 - (dx + x) : dx + x,
                from_y = flip_y ? kSide - 1 - (dy + y) : dy + y;
      out[y * n + x] = static_cast<float>(*image.at(from_x, from_y)) / 64.0f - 2.0f;
    }
}

double judge(const std::vector<Image>& pictures, bool vertical, std::uint64_t seed) {
  const auto count = static_cast<std::int64_t>(pictures.size()), held = count / 3,
             learned = count - held;
  constexpr int n = kSide - kShift;
  const auto net = make_judge(seed);
  optim::AdamW optimizer(optim::decay_groups(*net, 0.05));
  optim::Schedule schedule;
  schedule.kind = optim::Schedule::Kind::cosine;
  schedule.base = 4e-3;
  schedule.total_steps = kSteps;
  schedule.warmup_steps = 20;
  const Tensor pixels = Tensor::empty({kBatch, 1, n, n});
  std::vector<std::int64_t> mirrored(static_cast<std::size_t>(kBatch));
  for (std::int64_t step = 0; step < kSteps; ++step) {
    Random random({seed, mix(vertical, static_cast<std::uint64_t>(step))});
    for (std::int64_t i = 0; i < kBatch; ++i) {
      const Image& image = pictures[random.below(static_cast<std::uint64_t>(learned))];
      const int dx = static_cast<int>(random.below(kShift + 1)),
                dy = static_cast<int>(random.below(kShift + 1));
      const bool flip = random.flip();
      mirrored[static_cast<std::size_t>(i)] = flip;
      place(image, dx, dy, !vertical && flip, vertical && flip, pixels.data<float>() + i * n * n);
    }
    optimizer.zero_grad();
    autograd::backward(
        nn::cross_entropy((*net)(ops::channels_last(pixels)), Tensor::from(mirrored, {kBatch})));
    optimizer.step(schedule(step));
  }
  net->eval();
  const NoGrad no_grad;
  std::int64_t right = 0;
  for (std::int64_t k = learned; k < count; ++k) {
    const Tensor pair = Tensor::empty({2, 1, n, n});
    for (int flip = 0; flip < 2; ++flip)
      place(pictures[static_cast<std::size_t>(k)], kShift / 2, kShift / 2, !vertical && flip,
            vertical && flip, pair.data<float>() + flip * n * n);
    const std::vector<float> logits = (*net)(ops::channels_last(pair)).to_vector<float>();
    right += (logits[0] >= logits[1]) + (logits[3] > logits[2]);
  }
  return static_cast<double>(right) / static_cast<double>(2 * held);
}

}  // namespace

Symmetry find_symmetry(const PictureCache& cache, std::uint64_t seed) {
  Symmetry s;
  if (cache.size() < kFewest) {
    s.horizontal = true;
    s.horizontal_accuracy = 0.5;
    s.vertical_accuracy = 1;
    return s;
  }
  const std::int64_t count = std::min(cache.size(), kMost);
  std::vector<Image> pictures(static_cast<std::size_t>(count));
  // Spread over the whole set, then shuffled: held-out pictures come from every class.
  const data::EpochOrder order(cache.size(), seed, 0x73796d);
  parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      pictures[static_cast<std::size_t>(i)] =
          to_gray(resize(cache.get(order[i]), kSide, kSide, vision::Interpolation::antialias));
  });
  s.horizontal_accuracy = judge(pictures, false, seed);
  s.vertical_accuracy = judge(pictures, true, seed);
  s.horizontal = s.horizontal_accuracy < kChance;
  s.vertical = s.vertical_accuracy < kChance;
  return s;
}

}  // namespace athanor::train
