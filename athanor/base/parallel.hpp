#pragma once

#include <cstdint>
#include <functional>

namespace athanor {

/// Number of compute threads (OpenMP's, which oneDNN uses too). Default: the cores this process may
/// use.
int compute_threads();
void set_compute_threads(int count);

/// How many of them a caller at this place may start: 1 within a parallel_for.
int compute_threads_here();

/// When on, every kernel splits its sums in the same way whatever the number of threads, so 1, 2
/// and 4 threads give the same bits. Default off.
bool deterministic();
void set_deterministic(bool on);

/// How many threads a library that computes with OpenMP (oneDNN, LAPACK) sees on this thread while
/// the object lives. OpenMP keeps the number for each thread of its own, so set_compute_threads()
/// of another thread does not reach it.
class LibraryThreads {
 public:
  explicit LibraryThreads(int count);
  ~LibraryThreads();
  LibraryThreads(const LibraryThreads&) = delete;
  LibraryThreads& operator=(const LibraryThreads&) = delete;

 private:
  int before_;
  bool changed_;
};

namespace detail {
void parallel_run(std::int64_t blocks, void (*body)(void*, std::int64_t), void* context);
}

/// Calls body(begin, end) over [0, count) in blocks of `grain` (the last may be shorter), on the
/// compute threads. Blocks depend on count and grain alone, never on the number of threads: a sum
/// kept per block and added in the order of the blocks has the same bits on any machine. An
/// exception of a body reaches the caller.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
  if (count <= 0) return;
  if (grain < 1) grain = 1;
  if (count <= grain) {
    body(std::int64_t{0}, count);
    return;
  }
  struct Context {
    const Body* body;
    std::int64_t count, grain;
  } context{&body, count, grain};
  detail::parallel_run((count + grain - 1) / grain,
                       [](void* opaque, std::int64_t block) {
                         const auto* c = static_cast<const Context*>(opaque);
                         const std::int64_t begin = block * c->grain;
                         (*c->body)(begin,
                                    begin + c->grain < c->count ? begin + c->grain : c->count);
                       },
                       &context);
}

}  // namespace athanor
