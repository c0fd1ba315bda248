#include "athanor/ops/core/padding.hpp"

#include <algorithm>

#include "athanor/ops/core/infer.hpp"

namespace athanor::ops {

PadMode pad_mode(std::string_view name) {
  static constexpr std::string_view names[] = {"constant", "reflect", "replicate", "circular"};
  require_choice("pad", "mode", name, names);
  return static_cast<PadMode>(std::find(std::begin(names), std::end(names), name) -
                              std::begin(names));
}

std::int64_t padded_place(PadMode mode, std::int64_t place, std::int64_t size) {
  if (place >= 0 && place < size) return place;
  switch (mode) {
    case PadMode::reflect: return place < 0 ? -place : 2 * (size - 1) - place;
    case PadMode::replicate: return place < 0 ? 0 : size - 1;
    case PadMode::circular: return place < 0 ? place + size : place - size;
    case PadMode::constant: break;
  }
  throw InternalError("pad: a constant frame has no place in x");
}

Shape padded_shape(const Shape& x, const Attrs& a) {
  const Dims& before = a.dims("before");
  const Dims& after = a.dims("after");
  const PadMode mode = pad_mode(a.text("mode"));
  require<ShapeError>(before.size() == x.size() && after.size() == x.size(),
                      "pad: before {} and after {} must have one number for each of the {} axes "
                      "of {}",
                      list_of(before), list_of(after), x.size(), to_string(x));
  Shape out = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    require(before[i] >= 0 && after[i] >= 0 && before[i] <= (std::int64_t{1} << 40) &&
                after[i] <= (std::int64_t{1} << 40),
            "pad: before {} and after {} must be at least 0 (slice cuts)", list_of(before),
            list_of(after));
    if (x[i] == kDynamic) {
      require<ShapeError>(before[i] == 0 && after[i] == 0,
                          "pad: axis {} of {} is known only at run time; pad another axis", i,
                          to_string(x));
      continue;
    }
    out[i] += before[i] + after[i];
    if (mode == PadMode::constant || out[i] == x[i]) continue;
    // Each element of the frame comes from x at once, not from other parts of the frame.
    const std::int64_t most = mode == PadMode::reflect    ? x[i] - 1
                              : mode == PadMode::circular ? x[i]
                              : x[i] > 0                  ? std::int64_t{1} << 40
                                                          : 0;
    require<ShapeError>(std::max(before[i], after[i]) <= most,
                        "pad: mode {} adds at most {} elements on a side of axis {} of {}, not {}",
                        a.text("mode"), std::max<std::int64_t>(most, 0), i, to_string(x),
                        std::max(before[i], after[i]));
  }
  return out;
}

}  // namespace athanor::ops
