#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "athanor/base/dtype.hpp"

namespace athanor {

/// The conversion of an element between any two dtypes, defined for every value: a floating value
/// is cut towards zero and limited to the range of an integer (NaN gives 0), an integer wraps into
/// a narrower one, anything but zero is true, halves go through float.
template <class To, class From>
inline To convert_element(From value) {
  if constexpr (std::is_same_v<From, To>) {
    return value;
  } else if constexpr (std::is_class_v<From>) {
    return convert_element<To>(static_cast<float>(value));
  } else if constexpr (std::is_class_v<To>) {
    return To(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // The upper limit is the first power of two that is too large: exact in every floating type.
    constexpr From high = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1) * 2;
    constexpr From low = static_cast<From>(std::numeric_limits<To>::min());
    if (!(value > low)) return value <= low ? std::numeric_limits<To>::min() : To{0};
    return value < high ? static_cast<To>(value) : std::numeric_limits<To>::max();
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace athanor
