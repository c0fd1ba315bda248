#include <nlohmann/json.hpp>

#include "athanor/serve/package/classifier.hpp"
#include "athanor/train/image_classify.hpp"
#include "binding.hpp"
#include "platform/cli/commands.hpp"
#include "platform/cli/datasets.hpp"

namespace athanor::python {

namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxPicture = std::uint64_t{256} << 20;

// JSON as Python's own objects.
py::object python_of(const json& value) {
  return py::module_::import("json").attr("loads")(
      value.dump(-1, ' ', false, json::error_handler_t::replace));
}

py::list answers(const serve::Classifier& classifier, const Tensor& scores, int top_k) {
  py::list out;
  for (const serve::Prediction& p : classifier.ranked(scores.to_vector<float>(), top_k)) {
    py::dict entry;
    entry["label"] = p.label;
    entry["score"] = p.score;
    out.append(entry);
  }
  return out;
}

py::object fit(const std::string& data, const std::string& test, const std::string& budget,
               const std::string& preset, const std::string& weights, const std::string& tune,
               const std::string& model, const std::string& split, double test_fraction,
               const std::string& label_column, const std::string& out, std::int64_t epochs,
               std::uint64_t seed, const std::string& language, bool quiet) {
  platform::cli::FitOptions options;
  options.data = data;
  options.test = test;
  options.budget = budget;
  options.preset = preset;
  options.weights = weights;
  options.tune = tune;
  options.model = model;
  options.split = split;
  options.test_fraction = test_fraction;
  options.label_column = label_column;
  options.out = out;
  options.epochs = epochs;
  options.seed = seed;
  json result;
  platform::cli::Console console;
  console.language = language == "zh" ? Language::zh : Language::en;
  console.quiet = quiet;
  console.into = &result;
  {
    const py::gil_scoped_release release;
    (void)platform::cli::fit(console, options);
  }
  return python_of(result);
}

// Accuracy of a model on labelled pictures, in the form of the report's numbers.
py::object evaluate(const serve::Classifier& classifier, const std::string& data,
                    const std::string& label_column) {
  json out;
  {
    const py::gil_scoped_release release;
    const auto loaded = platform::cli::load_data(data, "", label_column);
    const data::ImageDataset& set = loaded.dataset;
    const serve::Manifest& manifest = classifier.manifest();
    for (const std::string& name : set.classes)
      require(
          std::find(manifest.labels.begin(), manifest.labels.end(), name) != manifest.labels.end(),
          "evaluate: the data has the class '{}', which the model does not know; it knows: {}",
          name, fmt::join(manifest.labels, ", "));
    std::vector<std::int64_t> all(set.items.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    // The data set's classes are numbered by themselves: into the model's order.
    train::Evaluation evaluation =
        train::evaluate_classifier(set, all, manifest.preprocess,
                                   [&](const Tensor& pixels) { return classifier.scores(pixels); });
    std::vector<int> place;
    for (const std::string& name : set.classes)
      place.push_back(
          static_cast<int>(std::find(manifest.labels.begin(), manifest.labels.end(), name) -
                           manifest.labels.begin()));
    for (train::Prediction& p : evaluation.predictions)
      for (int& label : p.truth) label = place[static_cast<std::size_t>(label)];
    evaluation.classes = manifest.labels;
    const train::Accuracy accuracy = train::accuracy(evaluation);
    out = {{"accuracy", accuracy.value},
           {"interval", {accuracy.interval.low, accuracy.interval.high}},
           {"correct", accuracy.correct},
           {"count", accuracy.count},
           {"classes", json::object()}};
    const auto scores = train::class_scores(evaluation);
    for (std::size_t i = 0; i < scores.size(); ++i)
      out["classes"][manifest.labels[i]] = {{"support", scores[i].support},
                                            {"precision", scores[i].precision},
                                            {"recall", scores[i].recall},
                                            {"f1", scores[i].f1}};
  }
  return python_of(out);
}

}  // namespace

void bind_product(py::module_& m) {
  m.def("_fit", fit);
  m.def("_is_package", [](const std::string& path) {
    const Bytes start = read_file(path, std::uint64_t{1} << 40);
    return start.size() > 4 && start[0] == 'P' && start[1] == 'K';
  });
  py::class_<serve::Classifier>(m, "_Classifier")
      .def(py::init([](const std::string& path) {
             const py::gil_scoped_release release;
             return std::make_unique<serve::Classifier>(serve::read_package(path));
           }),
           py::arg("path"))
      .def_property_readonly("manifest",
                             [](const serve::Classifier& c) {
                               const json manifest = c.manifest();
                               return python_of(manifest);
                             })
      .def("predict_bytes",
           [](const serve::Classifier& c, const py::bytes& picture, int top_k) {
             const std::string_view view = picture;
             Tensor scores;
             {
               const py::gil_scoped_release release;
               scores = c.scores(
                   c.prepare({reinterpret_cast<const std::uint8_t*>(view.data()), view.size()}));
             }
             return answers(c, scores, top_k);
           })
      .def("predict_file",
           [](const serve::Classifier& c, const std::string& path, int top_k) {
             Tensor scores;
             {
               const py::gil_scoped_release release;
               const Bytes bytes = read_file(path, kMaxPicture);
               scores = c.scores(c.prepare(bytes));
             }
             return answers(c, scores, top_k);
           })
      .def("scores", &serve::Classifier::scores, NoGil())
      .def("evaluate", evaluate);
}

}  // namespace athanor::python
