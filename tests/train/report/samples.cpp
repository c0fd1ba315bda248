#include "samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>

#include "athanor/vision/image/codec.hpp"

namespace athanor::train::report_test {

ReportInput sample(const Sample& o, std::vector<std::string> names) {
  std::mt19937_64 random(o.seed);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  const int classes = static_cast<int>(names.size());
  ReportInput input;
  input.title = "surface-parts";
  const auto make = [&](int count, const char* part) {
    Evaluation e;
    e.classes = names;
    e.multi_label = o.multi_label;
    for (int i = 0; i < count; ++i) {
      Prediction p;
      // Later classes are rarer.
      const double u = uniform();
      const int truth =
          std::min(classes - 1, static_cast<int>(u * u * 0.45 * classes + u * 0.55 * classes));
      p.item = fmt::format("{}/{}/IMG_{:04d}.jpg", part, names[static_cast<std::size_t>(truth)], i);
      p.truth = {truth};
      p.scores.assign(names.size(), 0);
      if (o.multi_label) {
        for (int c = 0; c < classes; ++c)
          if (c != truth && uniform() < 0.2) p.truth.push_back(c);
        for (int c = 0; c < classes; ++c) {
          const bool has = Evaluation::has_label(p, c), right = uniform() < o.right;
          const double sure = 0.5 + 0.5 * std::pow(uniform(), right ? 0.15 : 1.2);
          p.scores[static_cast<std::size_t>(c)] =
              static_cast<float>(has == right ? sure : 1 - sure);
        }
      } else {
        const bool right = uniform() < o.right - (truth == classes - 1 ? 0.08 : 0.0);
        int said = truth;
        // Neighbours are taken for each other most.
        if (!right)
          said = uniform() < 0.6 ? (truth ^ 1) % classes : static_cast<int>(uniform() * classes);
        const double sure = right ? 1 - 0.45 * std::pow(uniform(), 3) : 0.45 + 0.54 * uniform();
        double rest = 1 - sure;
        for (int c = 0; c < classes; ++c) {
          if (c == said) continue;
          const double share = c == truth || c == (said + 1) % classes ? 0.6 * rest : 0.1 * rest;
          p.scores[static_cast<std::size_t>(c)] = static_cast<float>(share);
          rest -= share;
        }
        p.scores[static_cast<std::size_t>(said)] = static_cast<float>(sure);
      }
      e.predictions.push_back(std::move(p));
    }
    return e;
  };
  input.test = make(o.count, "test");
  input.validation = make(o.count / 2, "val");
  input.train_count = o.count * 4;
  input.train_per_class.assign(names.size(), 0);
  for (const Prediction& p : input.test.predictions)
    for (int label : p.truth) input.train_per_class[static_cast<std::size_t>(label)] += 4;
  input.training = {
      {"model", "resnet18"},
      {"epochs", 34},
      {"steps", 1020},
      {"seconds", 287.4},
      {"width", 96},
      {"height", 96},
      {"batch_size", 32},
      {"seed", 12345},
      {"ending", "finished"},
      {"budget", 291.0},
      {"reasons",
       {"960 training pictures, 4 classes, single-label", "input 96x96 by preset balanced"}}};
  input.data_problems = nlohmann::json::array(
      {{{"code", "same-picture-two-labels"},
        {"severity", "warning"},
        {"count", 2},
        {"what",
         {{"en",
           "2 picture(s) stand under more than one label: good/IMG_0007.jpg = stain/IMG_0102.jpg"},
          {"zh", "2 张图片同时属于多个标签：good/IMG_0007.jpg = stain/IMG_0102.jpg"}}},
        {"fix",
         {{"en", "decide for one label and remove the other copies"},
          {"zh", "请确定一个标签并删除其余副本"}}}}});
  return input;
}

std::vector<std::string> part_names() { return {"good", "scratch", "dent", "stain"}; }

std::vector<std::string> many_names() {
  return {"good",
          "scratch",
          "dent",
          "stain",
          "crack",
          "burr",
          "划痕",
          "inclusion",
          "pitting",
          "oil",
          "rolled-in scale that goes along the whole edge of the strip",
          "patches",
          "crazing",
          "指纹",
          "edge chip",
          "bubble",
          "dust",
          "discolouration",
          "missing part",
          "wrong part"};
}

std::vector<std::string> hundred_names() {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(fmt::format("species {:02d}", i));
  return names;
}

Bytes picture(const std::string& item) {
  std::uint64_t h = 1469598103934665603u;
  for (unsigned char c : item) h = (h ^ c) * 1099511628211u;
  std::mt19937_64 random(h);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  const std::string label = item.substr(0, item.rfind('/'));
  std::uint64_t kind = 7;
  for (unsigned char c : label) kind = kind * 31 + c;
  constexpr int side = 96;
  vision::Image image(side, side, 3);
  const double base = 120 + 60 * uniform(), dx = uniform() * 6, dy = uniform() * 6;
  const double cx = 25 + 45 * uniform(), cy = 25 + 45 * uniform(), turn = uniform() * 3.1416;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      double v = base + 12 * std::sin((x * dx + y * 0.7 * dy) / 9) + 14 * (uniform() - 0.5);
      const double u = (x - cx) * std::cos(turn) + (y - cy) * std::sin(turn),
                   w = (y - cy) * std::cos(turn) - (x - cx) * std::sin(turn);
      double tint = 0;
      if (kind % 4 == 1 && std::fabs(w) < 1.6 && std::fabs(u) < 30) v -= 75;
      if (kind % 4 == 2 && u * u + w * w < 260) v += u * 3.2;
      if (kind % 4 == 3 && u * u / 2 + w * w < 330) v -= 25, tint = 38;
      const double rgb[3] = {v, v - 0.3 * tint, v + 6 - tint};
      for (int c = 0; c < 3; ++c)
        image.at(x, y)[c] = static_cast<std::uint8_t>(std::clamp(rgb[c], 0.0, 255.0));
    }
  return vision::encode_jpeg(image, 82);
}

std::string write_temporary(const std::string& name, const std::string& content) {
  const std::string path = testing::TempDir() + "athanor-report-" + name;
  write_file(path, {reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
  return path;
}

std::string run_python(const std::string& program, const std::string& argument) {
  const std::string script = write_temporary("check.py", program);
  const std::string command = "python3 '" + script + "' '" + argument + "' 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) {
    ADD_FAILURE() << "python3 could not be started";
    return {};
  }
  std::string out;
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  EXPECT_EQ(::pclose(pipe), 0) << out;
  return out;
}

}  // namespace athanor::train::report_test
