#include "athanor/base/philox.hpp"

#include <cmath>
#include <numbers>

namespace athanor {

float Random::normal() {
  const float u = 1.0f - uniform();  // in (0, 1]: the logarithm is finite
  const float v = uniform();
  return std::sqrt(-2.0f * std::log(u)) * std::cos(2.0f * std::numbers::pi_v<float> * v);
}

}  // namespace athanor
