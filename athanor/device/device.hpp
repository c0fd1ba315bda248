#pragma once

#include <cstdint>
#include <string_view>

namespace athanor {

/// Where a tensor lives and its kernels run.
enum class Device : std::uint8_t { cpu };

inline constexpr int kDeviceCount = 1;

constexpr std::string_view name_of(Device) { return "cpu"; }

}  // namespace athanor
