#include "athanor/backends/cpu/tiles.hpp"

#include <array>
#include <cstring>

#include "athanor/backends/cpu/simd.hpp"
#include "athanor/base/convert.hpp"

namespace athanor::backends::cpu {

const TileTable& tile_table(int index) {
  static const auto tables = [] {
    std::array<TileTable, 6> t;
    detail::fill_integer_tables(t.data());
    detail::fill_float_tables(t[0], t[1]);
    return t;
  }();
  return tables[static_cast<std::size_t>(index)];
}

namespace {

template <class From, class To>
void convert_loop(const void* from, void* to, std::size_t n) {
  const From* a = static_cast<const From*>(from);
  To* y = static_cast<To*>(to);
  for (std::size_t i = 0; i < n; ++i) y[i] = convert_element<To>(a[i]);
}

template <class H>
void widen_tile(const void* from, void* to, std::size_t n) {
  widen(static_cast<const H*>(from), static_cast<float*>(to), static_cast<std::int64_t>(n));
}
template <class H>
void narrow_tile(const void* from, void* to, std::size_t n) {
  narrow(static_cast<const float*>(from), static_cast<H*>(to), static_cast<std::int64_t>(n));
}

template <std::size_t bytes>
void copy_loop(const void* from, void* to, std::size_t n) {
  std::memmove(to, from, n * bytes);
}

}  // namespace

ConvertFn convert_function(DType from, DType to) {
  if (from == to) {
    constexpr ConvertFn copies[] = {copy_loop<1>, copy_loop<2>, copy_loop<4>, copy_loop<8>};
    return copies[size_of(from) == 1 ? 0 : size_of(from) == 2 ? 1 : size_of(from) == 4 ? 2 : 3];
  }
  static const auto table = [] {
    std::array<std::array<ConvertFn, kDTypeCount>, kDTypeCount> t{};
    for (DType a : kAllDTypes)
      for (DType b : kAllDTypes)
        visit_dtype(a, [&](auto x) {
          visit_dtype(b, [&](auto y) {
            t[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)] =
                convert_loop<decltype(x), decltype(y)>;
          });
        });
    const auto set = [&](DType a, DType b, ConvertFn f) {
      t[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)] = f;
    };
    set(DType::f16, DType::f32, widen_tile<Half>);
    set(DType::bf16, DType::f32, widen_tile<BFloat16>);
    set(DType::f32, DType::f16, narrow_tile<Half>);
    set(DType::f32, DType::bf16, narrow_tile<BFloat16>);
    return t;
  }();
  return table[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

}  // namespace athanor::backends::cpu
