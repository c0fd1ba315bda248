#include "athanor/train/pictures.hpp"

#include <algorithm>
#include <cmath>

#include "athanor/base/parallel.hpp"
#include "athanor/vision/image/codec.hpp"
#include "athanor/vision/image/resize.hpp"

namespace athanor::train {

using vision::Image;

namespace {

Tensor empty_batch(std::int64_t count, const vision::Preprocess& p) {
  const Shape shape{count, p.channels, p.height, p.width};
  return Tensor::empty_strided(shape, channels_last_strides(shape), DType::f32);
}

float* slot_of(const Tensor& pixels, std::int64_t slot) {
  return pixels.data<float>() + slot * pixels.shape()[1] * pixels.shape()[2] * pixels.shape()[3];
}

Image with_channels(Image image, int channels) {
  if (image.channels == channels) return image;
  return channels == 1 ? to_gray(image) : to_rgb(image);
}

bool looks_gray(const Image& image) {
  if (image.channels == 1) return true;
  const std::size_t step = static_cast<std::size_t>(image.channels);
  for (std::size_t i = 0; i + 2 < image.pixels.size(); i += step)
    // JPEG rounds grey pictures to colours that differ by a level or two.
    if (std::abs(image.pixels[i] - image.pixels[i + 1]) > 3 ||
        std::abs(image.pixels[i] - image.pixels[i + 2]) > 3)
      return false;
  return true;
}

}  // namespace

Image load_picture(const data::ImageDataset& dataset, std::int64_t item, int channels,
                   int min_side) {
  const data::Picture picture = dataset.read(dataset.items[static_cast<std::size_t>(item)]);
  if (const auto* raw = std::get_if<data::RawPicture>(&picture)) {
    Image image(raw->width, raw->height, raw->channels);
    image.pixels = raw->pixels;
    return with_channels(std::move(image), channels);
  }
  vision::DecodeOptions options;
  options.target_min_side = min_side;
  options.color = channels == 1 ? vision::Color::gray : vision::Color::rgb;
  return vision::decode(std::get<Bytes>(picture), options);
}

PictureFacts picture_facts(const data::ImageDataset& dataset, std::span<const std::int64_t> items) {
  // Up to 64 pictures, evenly spread: enough for a median and for the question of colour.
  const std::size_t count = std::min<std::size_t>(items.size(), 64);
  std::vector<int> widths, heights;
  bool gray = true;
  for (std::size_t k = 0; k < count; ++k) {
    const std::int64_t item = items[k * items.size() / count];
    const data::Picture picture = dataset.read(dataset.items[static_cast<std::size_t>(item)]);
    if (const auto* raw = std::get_if<data::RawPicture>(&picture)) {
      widths.push_back(raw->width);
      heights.push_back(raw->height);
      gray = gray && raw->channels == 1;
      continue;
    }
    const Image image = vision::decode(std::get<Bytes>(picture), {});
    widths.push_back(image.width);
    heights.push_back(image.height);
    gray = gray && looks_gray(image);
  }
  const auto median = [](std::vector<int> v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
  };
  if (widths.empty()) return {};
  return {median(widths), median(heights), gray};
}

PictureCache::PictureCache(const data::ImageDataset& dataset, std::span<const std::int64_t> items,
                           int channels, int side, std::size_t memory_limit)
    : dataset_(&dataset),
      items_(items.begin(), items.end()),
      kept_(items.size()),
      channels_(channels),
      side_(side) {
  // A kept picture takes about side * side * 4/3 * channels bytes: the limit is in pictures, so
  // that what is kept does not depend on the order in which threads decode.
  const std::size_t each = static_cast<std::size_t>(side) * static_cast<std::size_t>(side) *
                               static_cast<std::size_t>(channels) * 4 / 3 +
                           64;
  const auto keep = static_cast<std::int64_t>(std::min(items_.size(), memory_limit / each));
  parallel_for(keep, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) kept_[static_cast<std::size_t>(i)] = load(i);
  });
}

Image PictureCache::load(std::int64_t index) const {
  Image image = load_picture(*dataset_, item(index), channels_, side_);
  const int shorter = std::min(image.width, image.height);
  if (shorter <= side_) return image;
  const double scale = static_cast<double>(side_) / shorter;
  const auto scaled = [&](int n) { return std::max(1, static_cast<int>(std::lround(n * scale))); };
  return resize(image, scaled(image.width), scaled(image.height), vision::Interpolation::antialias);
}

Image PictureCache::get(std::int64_t index) const {
  const Image& kept = kept_[static_cast<std::size_t>(index)];
  return kept.width > 0 ? kept : load(index);
}

PictureCache::Moments PictureCache::moments() const {
  // Sums of integers: exact, so the same for any order.
  std::array<std::uint64_t, 3> sum{}, squares{};
  std::uint64_t count = 0;
  for (const Image& image : kept_) {
    if (image.width == 0) continue;
    const std::size_t pixels = image.pixels.size() / static_cast<std::size_t>(channels_);
    count += pixels;
    for (std::size_t p = 0; p < pixels; ++p)
      for (int c = 0; c < channels_; ++c) {
        const std::uint64_t v =
            image.pixels[p * static_cast<std::size_t>(channels_) + static_cast<std::size_t>(c)];
        sum[static_cast<std::size_t>(c)] += v;
        squares[static_cast<std::size_t>(c)] += v * v;
      }
  }
  Moments m;
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t from = c < static_cast<std::size_t>(channels_) ? c : 0;
    const double n = static_cast<double>(std::max<std::uint64_t>(count, 1)),
                 mean = static_cast<double>(sum[from]) / n;
    const double variance = std::max(0.0, static_cast<double>(squares[from]) / n - mean * mean);
    m.mean[c] = static_cast<float>(mean / 255);
    m.std[c] = static_cast<float>(std::max(std::sqrt(variance) / 255, 0.01));
  }
  return m;
}

struct PictureBatches::Buffer {
  Tensor pixels;
  std::vector<float> targets;
};

PictureBatches::PictureBatches(const PictureCache& cache, BatchOptions options)
    : cache_(cache),
      options_(std::move(options)),
      loader_(
          {.batch_size = options_.batch_size,
           .workers = options_.workers,
           .prefetch = 3,
           .seed = options_.seed,
           .drop_last = cache.size() >= options_.batch_size,
           .shuffle = true},
          cache.size(),
          [this](std::int64_t index, std::int64_t slot, Random& random, Buffer& buffer) {
            load(index, slot, random, buffer);
          },
          [this] {
            auto buffer = std::make_unique<Buffer>();
            buffer->pixels = empty_batch(options_.batch_size, options_.preprocess);
            buffer->targets.resize(
                static_cast<std::size_t>(options_.batch_size * options_.classes));
            return buffer;
          }) {}

void PictureBatches::load(std::int64_t index, std::int64_t slot, Random& random,
                          Buffer& buffer) const {
  const Image image = augment(cache_.get(index), options_.augmentation, random);
  preprocess(image, options_.preprocess, slot_of(buffer.pixels, slot));
  float* target = buffer.targets.data() + slot * options_.classes;
  std::fill_n(target, options_.classes, 0.0f);
  for (int label : cache_.dataset().items[static_cast<std::size_t>(cache_.item(index))].labels)
    target[label] = 1;
}

void PictureBatches::start_epoch(std::int64_t epoch, std::int64_t batch) {
  epoch_ = epoch;
  loader_.start_epoch(epoch, batch);
}

PictureBatch PictureBatches::next() {
  auto batch = loader_.next();
  ATH_ASSERT(batch.has_value());
  const std::int64_t n = batch->size();
  const vision::Preprocess& p = options_.preprocess;
  const std::size_t values =
      static_cast<std::size_t>(n) * static_cast<std::size_t>(p.height * p.width * p.channels);
  const std::size_t target_values = static_cast<std::size_t>(n * options_.classes);
  PictureBatch out{empty_batch(n, p), Tensor::empty({n, options_.classes})};
  const std::span in(batch->buffer->pixels.data<float>(), values);
  const std::span to(out.pixels.data<float>(), values);
  const std::span targets_in(batch->buffer->targets.data(), target_values);
  const std::span targets_to(out.targets.data<float>(), target_values);
  if (options_.mixup <= 0 && options_.cutmix <= 0) {
    std::copy(in.begin(), in.end(), to.begin());
    std::copy(targets_in.begin(), targets_in.end(), targets_to.begin());
    return out;
  }
  Random random({options_.seed, mix(mix(static_cast<std::uint64_t>(epoch_), 0x6d697875),
                                    static_cast<std::uint64_t>(batch->number))});
  const bool cut = options_.cutmix > 0 && (options_.mixup <= 0 || random.flip());
  const vision::Mix drawn =
      cut ? vision::draw_cutmix(static_cast<int>(n), p.width, p.height, options_.cutmix, random)
          : vision::draw_mixup(static_cast<int>(n), options_.mixup, random);
  vision::apply_mix(drawn, in, to, p.height, p.width, p.channels);
  vision::mix_targets(drawn, targets_in, targets_to, options_.classes);
  return out;
}

void for_each_prepared(const data::ImageDataset& dataset, std::span<const std::int64_t> items,
                       const vision::Preprocess& preprocess, std::int64_t batch_size,
                       const std::function<void(std::int64_t, const Tensor&)>& body) {
  const auto count = static_cast<std::int64_t>(items.size());
  for (std::int64_t begin = 0; begin < count; begin += batch_size) {
    const std::int64_t n = std::min(batch_size, count - begin);
    const Tensor pixels = empty_batch(n, preprocess);
    parallel_for(n, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const Image image =
            load_picture(dataset, items[static_cast<std::size_t>(begin + i)], preprocess.channels);
        vision::preprocess(image, preprocess, slot_of(pixels, i));
      }
    });
    body(begin, pixels);
  }
}

}  // namespace athanor::train
