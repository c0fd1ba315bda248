#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace athanor::io {

/// SHA-256 (FIPS 180-4), OpenSSL's.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::uint8_t> bytes);
  /// 64 lower-case hexadecimal digits. Ends the computation.
  std::string hex();

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

std::string sha256(std::span<const std::uint8_t> bytes);

}  // namespace athanor::io
