#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace athanor {

/// What memory is used for; an out-of-memory error prints a table by category.
enum class Category : std::uint8_t {
  parameter,
  gradient,
  optimizer,
  activation,
  workspace,
  communication,
  other
};

inline constexpr int kCategoryCount = 7;

std::string_view name_of(Category category);

/// Bytes that a CachingAllocator holds.
struct MemoryStats {
  std::array<std::size_t, kCategoryCount>
      live{};  ///< handed out, by category, rounded as allocated
  std::size_t total_live = 0;
  std::size_t peak_live = 0;  ///< highest total_live since the last reset_peak()
  std::size_t cached = 0;     ///< held from the system but free
  std::uint64_t allocations = 0;
  std::uint64_t system_calls = 0;  ///< how often the source was asked
};

/// Where an allocator gets its memory from.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  /// `bytes` of memory aligned to 64 bytes at least, or null when there is none.
  virtual void* reserve(std::size_t bytes) = 0;
  virtual void release(void* address, std::size_t bytes) = 0;
};

/// Memory from mmap; blocks of 2 MiB and more ask for huge pages.
std::unique_ptr<MemorySource> make_mmap_source();

/// Keeps freed memory for the next allocation: small blocks in size classes, large ones best fit
/// with splitting and merging. Thread-safe. Blocks are aligned to 64 bytes; zero bytes give a valid
/// block.
class CachingAllocator {
 public:
  explicit CachingAllocator(std::unique_ptr<MemorySource> source);
  ~CachingAllocator();
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  /// Throws OutOfMemoryError, with the table of categories, when the limit or the source is
  /// exhausted.
  void* allocate(std::size_t bytes, Category category);
  /// `bytes` and `category` as they were given to allocate().
  void free(void* address, std::size_t bytes, Category category) noexcept;

  /// Upper bound of live bytes; 0 (the default) means none.
  void set_limit(std::size_t bytes);
  std::size_t limit() const;
  MemoryStats stats() const;
  void reset_peak();
  /// Gives every cached block back to the source.
  void trim();
  /// The categories with their bytes, as lines of text.
  std::string table() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The allocator of all tensors on the CPU.
CachingAllocator& cpu_allocator();

/// The category of tensors that are made on this thread while the scope lives. Default: activation.
class CategoryScope {
 public:
  explicit CategoryScope(Category category);
  ~CategoryScope();
  CategoryScope(const CategoryScope&) = delete;
  CategoryScope& operator=(const CategoryScope&) = delete;
  static Category current();

 private:
  Category previous_;
};

}  // namespace athanor
