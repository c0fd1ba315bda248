#include "athanor/vision/sample/pattern.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numbers>
#include <vector>

#include "athanor/base/error.hpp"
#include "athanor/base/file.hpp"
#include "athanor/base/parallel.hpp"
#include "athanor/base/philox.hpp"
#include "athanor/vision/image/codec.hpp"
#include "athanor/vision/sample/folder.hpp"

namespace athanor::vision {

namespace {

constexpr float kPi = std::numbers::pi_v<float>;

enum class Kind { none, line, curve, crack, polygon, disc, spots, ring, ellipse, leaves, grid };

template <class T, std::size_t n>
T pick(Random& random, const T (&values)[n]) {
  return values[random.below(n)];
}

/// What the pictures of a class have in common. Lengths are in shares of the side, light in [0, 1].
struct Style {
  float slope;     ///< texture: power of the spectrum falls with frequency^-2 slope
  float stretch;   ///< texture: how much longer it is along one direction
  float band;      ///< texture: cycles a side that dominate; 0: all
  float strength;  ///< texture: standard deviation of light
  bool turned;     ///< the direction differs from picture to picture
  bool two_tone;   ///< the texture is cut into two levels
  Kind kind;
  int shapes;  ///< about so many of them
  float size;
  float spread;    ///< of the sizes, as the standard deviation of their logarithm
  float width;     ///< of lines
  float contrast;  ///< of the shapes, signed; 0: each of its own
  float vary;      ///< of the light from shape to shape
  float softness;  ///< of their edges
  int sides;       ///< of polygons
  float gradient;  ///< of the lighting
};

Style style_of(std::uint64_t seed, int pattern_class) {
  Random r({seed, mix(0x7374796c65, static_cast<std::uint64_t>(pattern_class))});
  Style s{};
  s.slope = r.uniform(0.6f, 2.2f);
  s.stretch = std::sqrt(pick<float>(r, {1, 1, 1, 2, 4, 8}));
  s.band = pick<float>(r, {0, 0, 3, 7, 13, 28});
  s.strength = r.uniform(0.03f, 0.18f);
  s.turned = r.flip();
  s.two_tone = r.flip(0.15f);
  s.kind = pick<Kind>(
      r, {Kind::none, Kind::line, Kind::line, Kind::curve, Kind::crack, Kind::crack, Kind::polygon,
          Kind::disc, Kind::spots, Kind::ring, Kind::ellipse, Kind::leaves, Kind::grid});
  s.shapes = pick<int>(r, {1, 2, 3, 6, 12, 30});
  s.size = r.uniform(0.05f, 0.4f);
  s.spread = r.uniform(0.1f, 0.6f);
  s.width = pick<float>(r, {1, 1, 2, 3, 5}) / 112;
  s.contrast = r.uniform(0.06f, 0.36f) * pick<float>(r, {-1, 1, 0});
  s.vary = r.uniform(0.0f, 0.1f);
  s.softness = pick<float>(r, {1, 1, 1, 2, 4}) / 112;
  s.sides = pick<int>(r, {3, 4, 5, 6});
  s.gradient = r.uniform(0.0f, 0.16f);
  return s;
}

struct Point {
  float x, y;
};

float turn(Random& random) { return random.uniform(0, 2 * kPi); }

/// The light of a picture.
class Canvas {
 public:
  Canvas(const Style& style, int side, Random& random)
      : style_(style), side_(side), light_(static_cast<std::size_t>(side * side)) {
    paint_texture(random);
  }

  void add_shapes(Random& random) {
    if (style_.kind == Kind::none) return;
    const float wanted = static_cast<float>(style_.shapes) * std::exp(0.3f * random.normal());
    const int count = style_.kind == Kind::grid ? 1 : std::max(1, static_cast<int>(wanted + 0.5f));
    for (int i = 0; i < count; ++i) {
      const float own = style_.contrast != 0
                            ? style_.contrast
                            : 0.36f * random.uniform() * (random.flip() ? 1.0f : -1.0f);
      add_shape(random, own + style_.vary * random.normal());
    }
  }

  Image develop(Random& random) const {
    Image image(side_, side_, 1);
    const float noise = random.uniform(0, 0.025f);
    for (std::size_t p = 0; p < light_.size(); ++p)
      image.pixels[p] = static_cast<std::uint8_t>(
          std::clamp((light_[p] + noise * random.normal()) * 255 + 0.5f, 0.0f, 255.0f));
    return image;
  }

 private:
  // A sum of waves of random direction and phase: Gaussian noise with the spectrum of the style.
  void paint_texture(Random& random) {
    constexpr int kWaves = 80;
    base_ = random.uniform(0.28f, 0.75f);
    const float direction = style_.turned ? random.uniform(0, kPi) : 0.1f * random.normal();
    const float strength = style_.strength * std::exp(0.25f * random.normal());
    const auto n = static_cast<std::size_t>(side_);
    std::vector<float> wave(n * n, 0.0f), cos_x(n), sin_x(n), cos_y(n), sin_y(n);
    float power = 0;
    for (int w = 0; w < kWaves; ++w) {
      // Cycles a side: around the band, or falling off from 1 to 50.
      const float cycles = style_.band > 0 ? style_.band * std::exp(0.35f * random.normal())
                                           : std::exp(random.uniform(0.0f, std::log(50.0f)));
      const float amplitude = style_.band > 0 ? 1 : std::pow(cycles, 1 - style_.slope);
      const float a = turn(random), phase = turn(random);
      const float along = cycles * std::cos(a) / style_.stretch,
                  across = cycles * std::sin(a) * style_.stretch;
      const float fx = 2 * kPi * (along * std::cos(direction) - across * std::sin(direction)),
                  fy = 2 * kPi * (along * std::sin(direction) + across * std::cos(direction));
      for (std::size_t i = 0; i < n; ++i) {
        const float t = static_cast<float>(i) / static_cast<float>(side_);
        cos_x[i] = amplitude * std::cos(fx * t + phase);
        sin_x[i] = amplitude * std::sin(fx * t + phase);
        cos_y[i] = std::cos(fy * t);
        sin_y[i] = std::sin(fy * t);
      }
      for (std::size_t y = 0; y < n; ++y)
        for (std::size_t x = 0; x < n; ++x)
          wave[y * n + x] += cos_x[x] * cos_y[y] - sin_x[x] * sin_y[y];
      power += amplitude * amplitude / 2;
    }
    const float scale = 1 / std::sqrt(power);
    const float slope = style_.gradient * random.normal(), slope_angle = turn(random);
    for (std::size_t y = 0; y < n; ++y)
      for (std::size_t x = 0; x < n; ++x) {
        const float value = scale * wave[y * n + x];
        const float u = 2 * static_cast<float>(x) / static_cast<float>(side_) - 1,
                    v = 2 * static_cast<float>(y) / static_cast<float>(side_) - 1;
        light_[y * n + x] = base_ +
                            strength * (style_.two_tone ? (value > 0 ? 1.0f : -1.0f) : value) +
                            slope * (u * std::cos(slope_angle) + v * std::sin(slope_angle));
      }
  }

  // Adds light where the distance (in shares of the side; negative inside) says so, within a box.
  template <class Distance>
  void fill(Point low, Point high, float light, const Distance& distance) {
    const float s = static_cast<float>(side_), soft = style_.softness;
    const auto clip = [&](float v) { return std::clamp(static_cast<int>(v * s), 0, side_ - 1); };
    const int x0 = clip(low.x - soft), x1 = clip(high.x + soft), y0 = clip(low.y - soft),
              y1 = clip(high.y + soft);
    for (int y = y0; y <= y1; ++y)
      for (int x = x0; x <= x1; ++x) {
        const float d =
            distance(Point{(static_cast<float>(x) + 0.5f) / s, (static_cast<float>(y) + 0.5f) / s});
        const float cover = std::clamp(0.5f - d / soft, 0.0f, 1.0f);
        light_[static_cast<std::size_t>(y * side_ + x)] += light * cover;
      }
  }

  // The lines between points; where they overlap, light is added once.
  void fill_lines(const std::vector<std::pair<Point, Point>>& lines, float light) {
    Point low{2, 2}, high{-2, -2};
    for (const auto& [a, b] : lines) {
      low = {std::min({low.x, a.x, b.x}), std::min({low.y, a.y, b.y})};
      high = {std::max({high.x, a.x, b.x}), std::max({high.y, a.y, b.y})};
    }
    const float half = style_.width / 2;
    fill({low.x - half, low.y - half}, {high.x + half, high.y + half}, light, [&](Point p) {
      float nearest = 4;
      for (const auto& [a, b] : lines) {
        const float dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy + 1e-12f;
        const float t = std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0.0f, 1.0f);
        const float ex = p.x - a.x - t * dx, ey = p.y - a.y - t * dy;
        nearest = std::min(nearest, ex * ex + ey * ey);
      }
      return std::sqrt(nearest) - half;
    });
  }

  // A star-shaped outline around c: the radius at each of its corners.
  void fill_corners(Point c, const std::vector<Point>& corners, float light) {
    float reach = 0;
    for (const Point& p : corners) reach = std::max(reach, std::hypot(p.x, p.y));
    fill({c.x - reach, c.y - reach}, {c.x + reach, c.y + reach}, light, [&](Point p) {
      // The signed distance to a convex or star-shaped polygon, near enough for a soft edge.
      float nearest = 4;
      bool inside = false;
      const Point q{p.x - c.x, p.y - c.y};
      for (std::size_t i = 0, j = corners.size() - 1; i < corners.size(); j = i++) {
        const Point a = corners[i], b = corners[j];
        if ((a.y > q.y) != (b.y > q.y) && q.x < (b.x - a.x) * (q.y - a.y) / (b.y - a.y) + a.x)
          inside = !inside;
        const float dx = b.x - a.x, dy = b.y - a.y;
        const float t = std::clamp(
            ((q.x - a.x) * dx + (q.y - a.y) * dy) / (dx * dx + dy * dy + 1e-12f), 0.0f, 1.0f);
        nearest = std::min(nearest, std::hypot(q.x - a.x - t * dx, q.y - a.y - t * dy));
      }
      return inside ? -nearest : nearest;
    });
  }

  void add_shape(Random& random, float light) {
    const Point c{random.uniform(-0.05f, 1.05f), random.uniform(-0.05f, 1.05f)};
    const float size = std::min(1.0f, style_.size * std::exp(style_.spread * random.normal()));
    const float angle = turn(random);
    const auto at = [](Point p, float length, float direction) {
      return Point{p.x + length * std::cos(direction), p.y + length * std::sin(direction)};
    };
    switch (style_.kind) {
      case Kind::none: break;
      case Kind::line: fill_lines({{at(c, size, angle), at(c, -size, angle)}}, light); break;
      case Kind::curve:
      case Kind::crack: {
        const bool smooth = style_.kind == Kind::curve;
        const float bend = 0.25f * random.normal();
        std::vector<std::pair<Point, Point>> lines;
        float direction = angle;
        Point p = c;
        for (int i = 0; i < 14; ++i) {
          direction += smooth ? bend : 0.5f * random.normal();
          const Point next = at(p, size / 6, direction);
          lines.emplace_back(p, next);
          p = next;
        }
        if (!smooth && random.flip(0.7f)) {
          const Point fork = lines[7].first;
          lines.emplace_back(fork, at(fork, size, direction + (random.flip() ? 1.0f : -1.0f)));
        }
        fill_lines(lines, light);
        break;
      }
      case Kind::polygon:
      case Kind::ellipse:
      case Kind::leaves: {
        const int corners = style_.kind == Kind::polygon   ? style_.sides
                            : style_.kind == Kind::ellipse ? 18
                                                           : 7;
        std::vector<Point> outline;
        for (int i = 0; i < corners; ++i) {
          const float a = 2 * kPi * static_cast<float>(i) / static_cast<float>(corners);
          const float radius =
              style_.kind == Kind::leaves ? size * random.uniform(0.5f, 1.0f) : size;
          const float x = radius * std::cos(a),
                      y = radius * std::sin(a) * (style_.kind == Kind::ellipse ? 0.35f : 1.0f);
          outline.push_back({x * std::cos(angle) - y * std::sin(angle),
                             x * std::sin(angle) + y * std::cos(angle)});
        }
        fill_corners(c, outline, light);
        break;
      }
      case Kind::disc:
      case Kind::spots: {
        const float radius = style_.kind == Kind::disc ? size : std::max(0.008f, size / 6);
        fill({c.x - radius, c.y - radius}, {c.x + radius, c.y + radius}, light,
             [&](Point p) { return std::hypot(p.x - c.x, p.y - c.y) - radius; });
        break;
      }
      case Kind::ring:
        fill({c.x - size, c.y - size}, {c.x + size, c.y + size}, light, [&](Point p) {
          return std::fabs(std::hypot(p.x - c.x, p.y - c.y) - size) - style_.width / 2;
        });
        break;
      case Kind::grid: {
        const float period = std::max(0.04f, size), lean = style_.turned ? angle : 0;
        const float gap = random.uniform();
        fill({0, 0}, {1, 1}, light, [&](Point p) {
          const float along = (p.y - c.y) * std::cos(lean) - (p.x - c.x) * std::sin(lean);
          const float t = along / period - std::floor(along / period);
          // Every eighth line is missing somewhere.
          const auto number = static_cast<std::int64_t>(std::floor(along / period + 0.5f));
          if (number % 8 == static_cast<std::int64_t>(8 * gap)) return 1.0f;
          return std::min(t, 1 - t) * period - style_.width / 2;
        });
        break;
      }
    }
  }

  const Style& style_;
  int side_;
  float base_ = 0.5f;
  std::vector<float> light_;
};

}  // namespace

Image draw_pattern(std::uint64_t seed, std::int64_t index, int pattern_class, int side) {
  require(side >= 32 && side <= 1024, "draw_pattern: side must be between 32 and 1024, not {}",
          side);
  require(pattern_class >= 0, "draw_pattern: there is no class {}", pattern_class);
  const Style style = style_of(seed, pattern_class);
  Random random(
      {seed, mix(static_cast<std::uint64_t>(index), static_cast<std::uint64_t>(pattern_class))});
  Canvas canvas(style, side, random);
  canvas.add_shapes(random);
  return canvas.develop(random);
}

void write_pattern_samples(const std::filesystem::path& folder, const PatternOptions& options,
                           const std::function<void(std::int64_t)>& progress) {
  require(options.classes >= 2 && options.classes <= 10'000,
          "data sample: classes must be between 2 and 10000, not {}", options.classes);
  require(options.count >= options.classes && options.count <= 10'000'000,
          "data sample: count must be between the {} classes and 10000000, not {}", options.classes,
          options.count);
  std::vector<std::string> names;
  for (int c = 0; c < options.classes; ++c) names.push_back(fmt::format("pattern-{:04}", c));
  make_class_folders(folder, names);
  std::mutex mutex;
  std::int64_t done = 0;
  parallel_for(options.count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int c = static_cast<int>(i % options.classes);
      const Bytes jpeg = encode_jpeg(draw_pattern(options.seed, i, c, options.side), 95);
      write_file(folder / names[static_cast<std::size_t>(c)] / fmt::format("{:07}.jpg", i), jpeg);
    }
    const std::scoped_lock lock(mutex);
    done += end - begin;
    if (progress) progress(done);
  });
}

}  // namespace athanor::vision
