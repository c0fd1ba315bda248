#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "platform/cli/console.hpp"

// The commands of `athanor`, each with its options as parsed. They return the exit status
// (athanor::Exit) and throw what they refuse.
namespace athanor::platform::cli {

struct FitOptions {
  std::filesystem::path data;
  std::filesystem::path test;  ///< empty: split from data
  std::string budget = "5m";   ///< "90s", "5m", "1h30m" or seconds
  std::string preset = "balanced";
  std::filesystem::path weights;  ///< empty: athanor's own; "none": no pretrained weights
  std::string tune = "auto";      ///< auto, head or all
  std::string model;              ///< empty: chosen
  std::string split = "stratified";
  double test_fraction = 0.2;
  std::string label_column;   ///< of a list
  std::filesystem::path out;  ///< empty: <data name>.zip in the working folder
  std::int64_t epochs = 0;
  std::int64_t checkpoint_steps = 0;
  std::uint64_t seed = 0;
};
int fit(const Console& console, const FitOptions& options);
int resume_run(const Console& console, const std::string& id, const std::filesystem::path& out);
int list_runs_command(const Console& console);

struct PredictOptions {
  std::filesystem::path model;
  std::vector<std::filesystem::path> files;  ///< pictures, or folders of pictures
  int top_k = 5;
};
int predict(const Console& console, const PredictOptions& options);

struct ServeOptions {
  std::filesystem::path model;
  std::string address = "127.0.0.1";
  int port = 8080;
  std::string name;  ///< empty: the package's
  int max_batch = 32;
  int max_delay_us = 2000;
};
int serve(const Console& console, const ServeOptions& options);

struct DataOptions {
  std::filesystem::path data;
  std::string label_column;
};
int data_check(const Console& console, const DataOptions& options);
int data_show(const Console& console, const DataOptions& options, const std::filesystem::path& out,
              int columns, int rows, std::uint64_t seed);
/// kind: surface or pattern.
int data_sample(const Console& console, const std::filesystem::path& folder,
                const std::string& kind, std::int64_t count, int side, std::uint64_t seed);

int model_show(const Console& console, const std::filesystem::path& model);
int doctor(const Console& console);
int version(const Console& console);

/// Seconds of "90s", "5m", "1h30m", "300". Throws ValueError for anything else and outside 1 s .. 7
/// days.
double parse_duration(const std::string& text);

}  // namespace athanor::platform::cli
