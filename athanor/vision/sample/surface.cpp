#include "athanor/vision/sample/surface.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/vision/image/codec.hpp"
#include "athanor/vision/sample/folder.hpp"

namespace athanor::vision {

namespace {

/// Light that the surface sends, one value a pixel around 0.5, and a tint.
struct Canvas {
  int side;
  std::vector<float> light;
  float tint[3] = {1, 1, 1};
  std::vector<float> rust;  ///< 0..1: how much of the brown of a stain lies on a pixel

  explicit Canvas(int n)
      : side(n), light(static_cast<std::size_t>(n * n), 0.5f), rust(light.size(), 0.0f) {}
  float& at(int x, int y) { return light[static_cast<std::size_t>(y * side + x)]; }
};

/// Smooth noise: random values on a grid of cells, interpolated; about -1 to 1.
class Noise {
 public:
  Noise(Random& random, int cells)
      : cells_(cells), values_(static_cast<std::size_t>((cells + 2) * (cells + 2))) {
    for (float& v : values_) v = random.uniform(-1, 1);
  }
  /// u, v in [0, 1].
  float operator()(float u, float v) const {
    const float x = std::clamp(u, 0.0f, 1.0f) * static_cast<float>(cells_),
                y = std::clamp(v, 0.0f, 1.0f) * static_cast<float>(cells_);
    const int i = static_cast<int>(x), j = static_cast<int>(y);
    const float a = smooth(x - static_cast<float>(i)), b = smooth(y - static_cast<float>(j));
    return (value(i, j) * (1 - a) + value(i + 1, j) * a) * (1 - b) +
           (value(i, j + 1) * (1 - a) + value(i + 1, j + 1) * a) * b;
  }

 private:
  static float smooth(float t) { return t * t * (3 - 2 * t); }
  float value(int i, int j) const {
    return values_[static_cast<std::size_t>(j * (cells_ + 2) + i)];
  }
  int cells_;
  std::vector<float> values_;
};

float turn(Random& random) { return random.uniform(0, 2 * std::numbers::pi_v<float>); }

void texture(Canvas& c, Random& random) {
  const float angle = turn(random), cos_a = std::cos(angle), sin_a = std::sin(angle);
  const bool brushed = random.flip(0.6f);
  const float grain = random.uniform(0.015f, 0.05f), slope_x = random.uniform(-0.18f, 0.18f),
              slope_y = random.uniform(-0.18f, 0.18f);
  const float base = random.uniform(0.38f, 0.66f), cloud = random.uniform(0.0f, 0.07f);
  const Noise uneven(random, 4), streaks(random, 180);
  const float s = static_cast<float>(c.side);
  for (int y = 0; y < c.side; ++y)
    for (int x = 0; x < c.side; ++x) {
      const float u = static_cast<float>(x) / s, v = static_cast<float>(y) / s;
      float value = base + slope_x * (u - 0.5f) + slope_y * (v - 0.5f) + cloud * uneven(u, v);
      if (brushed) {
        // Long along the brush, fine across it.
        const float across = (u - 0.5f) * sin_a - (v - 0.5f) * cos_a + 0.5f,
                    along = (u - 0.5f) * cos_a + (v - 0.5f) * sin_a + 0.5f;
        value += 1.6f * grain * streaks(across * 0.9f + 0.05f, along * 0.06f);
      }
      c.at(x, y) = value + grain * random.normal() * (brushed ? 0.4f : 1.0f);
    }
  const float warm = random.uniform(-0.05f, 0.05f);
  c.tint[0] = 1 + warm;
  c.tint[2] = 1 - warm;
}

/// A line of soft-edged strokes: a scratch, or one of the faint grinding marks that good parts
/// have.
void stroke(Canvas& c, Random& random, float length, float width, float depth) {
  const float s = static_cast<float>(c.side);
  float x = random.uniform(0.15f, 0.85f) * s, y = random.uniform(0.15f, 0.85f) * s,
        direction = turn(random);
  const float bend = random.uniform(-0.02f, 0.02f), bright = random.flip(0.65f) ? 1.0f : -1.0f;
  const int steps = static_cast<int>(length * s * 2);
  for (int k = 0; k < steps; ++k) {
    direction += bend + 0.03f * random.normal();
    x += 0.5f * std::cos(direction);
    y += 0.5f * std::sin(direction);
    const float fade =
        std::min(1.0f, 6.0f * std::min(static_cast<float>(k + 1), static_cast<float>(steps - k)) /
                           static_cast<float>(steps));
    const int reach = static_cast<int>(width * 3) + 1;
    for (int j = -reach; j <= reach; ++j)
      for (int i = -reach; i <= reach; ++i) {
        const int px = static_cast<int>(x) + i, py = static_cast<int>(y) + j;
        if (px < 0 || py < 0 || px >= c.side || py >= c.side) continue;
        // Signed distance from the line: one flank catches the light, the other lies in shadow.
        const float dx = static_cast<float>(px) - x, dy = static_cast<float>(py) - y;
        const float across = (dx * std::sin(direction) - dy * std::cos(direction)) / width,
                    along = (dx * std::cos(direction) + dy * std::sin(direction)) / width;
        const float weight = std::exp(-across * across - along * along);
        c.at(px, py) += 0.35f * depth * fade * weight * (bright + 0.8f * across);
      }
  }
}

/// A shallow hollow: shaded on the side of the light, bright opposite.
void dent(Canvas& c, Random& random, float radius, float depth) {
  const float s = static_cast<float>(c.side), cx = random.uniform(0.2f, 0.8f) * s,
              cy = random.uniform(0.2f, 0.8f) * s;
  const float light = turn(random), squeeze = random.uniform(0.6f, 1.0f), tilt = turn(random),
              r = radius * s;
  for (int y = 0; y < c.side; ++y)
    for (int x = 0; x < c.side; ++x) {
      const float dx = static_cast<float>(x) - cx, dy = static_cast<float>(y) - cy;
      const float a = (dx * std::cos(tilt) + dy * std::sin(tilt)) / r,
                  b = (dy * std::cos(tilt) - dx * std::sin(tilt)) / (r * squeeze);
      const float d2 = a * a + b * b;
      if (d2 > 9) continue;
      const float facing = (dx * std::cos(light) + dy * std::sin(light)) / r;
      c.at(x, y) += depth * (facing * std::exp(-d2) * 1.6f - 0.25f * std::exp(-d2 * 2));
    }
}

/// An irregular patch that darkens and browns the surface.
void stain(Canvas& c, Random& random, float radius, float strength) {
  const float s = static_cast<float>(c.side), cx = random.uniform(0.2f, 0.8f) * s,
              cy = random.uniform(0.2f, 0.8f) * s, r = radius * s;
  const Noise edge(random, 7), inner(random, 24);
  const float brown = random.uniform(0.0f, 1.0f);
  for (int y = 0; y < c.side; ++y)
    for (int x = 0; x < c.side; ++x) {
      const float dx = (static_cast<float>(x) - cx) / r, dy = (static_cast<float>(y) - cy) / r;
      const float u = static_cast<float>(x) / s, v = static_cast<float>(y) / s;
      const float inside =
          1 - std::sqrt(dx * dx + dy * dy) + 0.55f * edge(u, v) + 0.15f * inner(u, v);
      const float cover =
          std::clamp(inside * 4, 0.0f, 1.0f) * strength * (0.75f + 0.25f * inner(v, u));
      c.at(x, y) *= 1 - 0.55f * cover;
      c.rust[static_cast<std::size_t>(y * c.side + x)] += brown * cover;
    }
}

/// A drilled hole or an edge of the part: geometry that is no defect.
void geometry(Canvas& c, Random& random) {
  const float s = static_cast<float>(c.side);
  if (random.flip(0.35f)) {
    const float cx = random.uniform(0.1f, 0.9f) * s, cy = random.uniform(0.1f, 0.9f) * s,
                r = random.uniform(0.05f, 0.1f) * s;
    for (int y = 0; y < c.side; ++y)
      for (int x = 0; x < c.side; ++x) {
        const float d = std::hypot(static_cast<float>(x) - cx, static_cast<float>(y) - cy) - r;
        if (d < 0) {
          c.at(x, y) = 0.08f + 0.03f * random.uniform();
        } else if (d < 2.5f) {
          c.at(x, y) += 0.12f * (1 - d / 2.5f);
        }
      }
  }
  if (random.flip(0.3f)) {
    const float angle = turn(random), offset = random.uniform(0.32f, 0.5f) * s,
                shade = random.uniform(0.1f, 0.9f);
    for (int y = 0; y < c.side; ++y)
      for (int x = 0; x < c.side; ++x) {
        const float d = (static_cast<float>(x) - s / 2) * std::cos(angle) +
                        (static_cast<float>(y) - s / 2) * std::sin(angle) - offset;
        if (d > 0) c.at(x, y) = shade + 0.02f * random.normal();
        if (d > -2 && d <= 0) c.at(x, y) += 0.1f;
      }
  }
}

void dust(Canvas& c, Random& random) {
  const auto specks = random.below(12);
  for (std::uint64_t k = 0; k < specks; ++k) {
    const int x = static_cast<int>(random.below(static_cast<std::uint64_t>(c.side))),
              y = static_cast<int>(random.below(static_cast<std::uint64_t>(c.side)));
    c.at(x, y) += random.uniform(-0.3f, 0.3f);
  }
}

Image develop(const Canvas& c, Random& random) {
  Image image(c.side, c.side, 3);
  const float exposure = random.uniform(0.85f, 1.15f), sensor = random.uniform(0.005f, 0.02f);
  constexpr float brown[3] = {0.12f, -0.02f, -0.14f};
  for (std::size_t p = 0; p < c.light.size(); ++p) {
    const float noise = sensor * random.normal();
    for (std::size_t k = 0; k < 3; ++k) {
      const float value = (c.light[p] * c.tint[k] + c.rust[p] * brown[k]) * exposure + noise;
      image.pixels[p * 3 + k] =
          static_cast<std::uint8_t>(std::clamp(value * 255 + 0.5f, 0.0f, 255.0f));
    }
  }
  return image;
}

}  // namespace

Image draw_surface(std::uint64_t seed, std::int64_t index, int surface_class, int side) {
  require(side >= 32 && side <= 1024, "draw_surface: side must be between 32 and 1024, not {}",
          side);
  Random random(
      {seed, mix(static_cast<std::uint64_t>(index), static_cast<std::uint64_t>(surface_class))});
  Canvas canvas(side);
  texture(canvas, random);
  geometry(canvas, random);
  // Good and bad parts alike have faint grinding marks and dust.
  for (std::uint64_t k = random.below(4); k > 0; --k)
    stroke(canvas, random, random.uniform(0.05f, 0.25f), random.uniform(0.5f, 0.9f),
           random.uniform(0.03f, 0.1f));
  switch (surface_class) {
    case 1:
      stroke(canvas, random, random.uniform(0.25f, 0.8f), random.uniform(0.6f, 1.5f),
             random.uniform(0.2f, 0.6f));
      break;
    case 2: dent(canvas, random, random.uniform(0.05f, 0.14f), random.uniform(0.12f, 0.4f)); break;
    case 3: stain(canvas, random, random.uniform(0.07f, 0.2f), random.uniform(0.3f, 0.9f)); break;
    default: break;
  }
  dust(canvas, random);
  return develop(canvas, random);
}

void write_surface_samples(const std::filesystem::path& folder, const SurfaceOptions& options,
                           const std::function<void(std::int64_t)>& progress) {
  require(options.count >= 4 && options.count <= 1'000'000,
          "data sample: count must be between 4 and 1000000, not {}", options.count);
  const int classes = static_cast<int>(std::size(kSurfaceClasses));
  make_class_folders(
      folder, std::vector<std::string>(std::begin(kSurfaceClasses), std::end(kSurfaceClasses)));
  for (std::int64_t i = 0; i < options.count; ++i) {
    const int surface_class = static_cast<int>(i % classes);
    const Bytes jpeg = encode_jpeg(draw_surface(options.seed, i, surface_class, options.side), 90);
    write_file(folder / kSurfaceClasses[surface_class] / fmt::format("{:05}.jpg", i), jpeg);
    if (progress) progress(i + 1);
  }
}

}  // namespace athanor::vision
