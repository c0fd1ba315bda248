#include "athanor/base/heap.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>
#include <memory>

namespace athanor {
namespace {

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__clang__)  // sanitizers bring a malloc of their own

// Page faults of 100 buffers of a megabyte, one after the other, all written.
long faults_of_buffers() {
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  for (int i = 0; i < 100; ++i) {
    const std::unique_ptr<char[]> buffer(new char[1 << 20]);
    std::memset(buffer.get(), i, 1 << 20);
    volatile char sink = buffer[static_cast<std::size_t>(i)];
    (void)sink;
  }
  getrusage(RUSAGE_SELF, &after);
  return after.ru_minflt - before.ru_minflt;
}

TEST(Heap, FreedBuffersAreUsedAgainWithoutPageFaults) {
  keep_freed_memory();
  faults_of_buffers();
  // Mapped anew each time it would be 256 pages for each of the hundred.
  EXPECT_LT(faults_of_buffers(), 1000);
}

#endif

}  // namespace
}  // namespace athanor
