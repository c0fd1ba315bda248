#pragma once

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "athanor/base/parallel.hpp"

// What the benchmark programs share: their arguments, their clock, how a workload is timed.
namespace athanor::bench {

inline bool processor_time = false;  ///< count processor time in place of wall time

/// Seconds.
inline double now() {
  timespec t;
  clock_gettime(processor_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Options {
  double seconds;                   ///< for each workload
  std::vector<std::string> wanted;  ///< workloads; empty: all
  bool wants(const std::string& workload) const {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), workload) != wanted.end();
  }
};

/// [--seconds S] [--threads N] [--processor] [--deterministic] [WORKLOAD...]
inline Options read_options(int argc, char** argv, double seconds) {
  Options options{seconds, {}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--seconds" && i + 1 < argc) {
      options.seconds = std::atof(argv[++i]);
    } else if (word == "--threads" && i + 1 < argc) {
      set_compute_threads(std::atoi(argv[++i]));
    } else if (word == "--processor") {
      processor_time = true;
    } else if (word == "--deterministic") {
      set_deterministic(true);
    } else {
      options.wanted.push_back(word);
    }
  }
  return options;
}

struct Times {
  double median, best;  ///< milliseconds of a call
};

/// After three calls that fill caches: samples for `seconds`, at least five, each of enough calls
/// that the clock does not matter.
template <class F>
Times measure(double seconds, const F& f) {
  for (int i = 0; i < 3; ++i) f();
  double start = now();
  f();
  const int inner = std::max(1, static_cast<int>(1e-3 / std::max(now() - start, 1e-8)));
  std::vector<double> samples;
  const double begin = now();
  while (now() - begin < seconds || samples.size() < 5) {
    start = now();
    for (int i = 0; i < inner; ++i) f();
    samples.push_back((now() - start) / inner * 1e3);
  }
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples[0]};
}

}  // namespace athanor::bench
