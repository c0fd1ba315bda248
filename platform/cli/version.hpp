#pragma once

namespace athanor::platform {

inline constexpr const char* kVersion = ATH_VERSION;

}  // namespace athanor::platform
