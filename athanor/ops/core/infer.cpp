#include "athanor/ops/core/infer.hpp"

#include <algorithm>

namespace athanor {

std::string describe(const TensorMeta& meta) {
  return std::string(name_of(meta.dtype)) + to_string(meta.shape);
}

}  // namespace athanor

namespace athanor::ops {

std::string list_of(const Dims& numbers) {
  return fmt::format("[{}]", fmt::join(numbers.begin(), numbers.end(), ","));
}

std::string names_of(DTypeSet dtypes) {
  std::string names;
  for (DType d : kAllDTypes)
    if (contains(dtypes, d)) names += (names.empty() ? "" : ", ") + std::string(name_of(d));
  return names;
}

void require_dtype(std::string_view op, std::string_view input, const TensorMeta& meta,
                   DTypeSet dtypes) {
  if (!contains(dtypes, meta.dtype)) [[unlikely]]
    raise<DTypeError>("{}: input '{}' is {}; it takes {}", op, input, describe(meta),
                      names_of(dtypes));
}

void require_same_dtype(std::string_view op, std::string_view name_a, const TensorMeta& a,
                        std::string_view name_b, const TensorMeta& b) {
  if (a.dtype != b.dtype) [[unlikely]]
    raise<DTypeError>("{}: '{}' and '{}' must have one dtype ({}: {}, {}: {}); cast one of them",
                      op, name_a, name_b, name_a, describe(a), name_b, describe(b));
}

void require_rank(std::string_view op, std::string_view input, const TensorMeta& meta,
                  std::int64_t rank) {
  if (static_cast<std::int64_t>(meta.shape.size()) != rank) [[unlikely]]
    raise<ShapeError>("{}: input '{}' must have {} dimensions, it is {}", op, input, rank,
                      describe(meta));
}

void require_choice(std::string_view op, std::string_view attribute, std::string_view value,
                    std::span<const std::string_view> choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) [[likely]]
    return;
  std::string names;
  for (std::string_view c : choices) names += (names.empty() ? "" : ", ") + std::string(c);
  raise<ValueError>("{}: {} is \"{}\"; it can be {}", op, attribute, value, names);
}

void require_reduction(std::string_view op, std::string_view reduction) {
  static constexpr std::string_view choices[] = {"none", "mean", "sum"};
  require_choice(op, "reduction", reduction, choices);
}

Dims normalize_axes(const Dims& axes, std::int64_t rank, std::string_view op, bool empty_is_all) {
  Dims out;
  if (axes.empty() && empty_is_all) {
    for (std::int64_t i = 0; i < rank; ++i) out.push_back(i);
    return out;
  }
  for (std::int64_t axis : axes) out.push_back(normalize_axis(axis, rank, op));
  std::sort(out.begin(), out.end());
  for (std::size_t i = 1; i < out.size(); ++i)
    require(out[i] != out[i - 1], "{}: axis {} stands twice in axes {}", op, out[i], list_of(axes));
  return out;
}

Shape reduced_shape(const Shape& shape, const Dims& axes, bool keep) {
  Shape out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (next < axes.size() && axes[next] == static_cast<std::int64_t>(i)) {
      ++next;
      if (keep) out.push_back(1);
    } else {
      out.push_back(shape[i]);
    }
  }
  return out;
}

bool contains_axis(const Dims& axes, std::int64_t axis) {
  return std::binary_search(axes.begin(), axes.end(), axis);
}

std::int64_t static_count(std::span<const std::int64_t> shape) {
  Dims known;
  for (std::int64_t d : shape)
    if (d != kDynamic) known.push_back(d);
  return element_count(known);
}

void require_static_axis(std::string_view op, const TensorMeta& meta, std::int64_t axis,
                         std::string_view what) {
  if (meta.shape[static_cast<std::size_t>(axis)] == kDynamic) [[unlikely]]
    raise<ShapeError>("{}: axis {} of {} is known only at run time; {}", op, axis, describe(meta),
                      what);
}

Shape resolve_reshape(const Shape& x, const Dims& wanted, std::string_view op) {
  Shape out = wanted;
  std::size_t inferred = out.size();
  bool zeros = false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] == -1) {
      require<ShapeError>(inferred == out.size(), "{}: shape {} has more than one -1", op,
                          list_of(wanted));
      inferred = i;
    } else if (out[i] == 0) {
      zeros = true;
      if (i < x.size()) out[i] = x[i];
    } else {
      require<ShapeError>(out[i] > 0, "{}: shape {} has the dimension {}", op, list_of(wanted),
                          wanted[i]);
    }
  }
  const auto fail = [&]() {
    raise<ShapeError>("{}: {} does not fit the shape {}", op, to_string(x), list_of(wanted));
  };
  if (is_dynamic(x)) {
    // The leading dimension is known at run time only: the others must match, or -1 takes it in.
    const std::int64_t known = static_count(x);
    const bool kept = !wanted.empty() && wanted[0] == 0;
    Shape rest;
    for (std::size_t i = kept ? 1 : 0; i < out.size(); ++i)
      if (i != inferred) rest.push_back(out[i]);
    const std::int64_t target = static_count(rest);
    if (target == 0 || known % target != 0) fail();
    if (kept) {
      if (inferred == out.size() ? known != target : false) fail();
      if (inferred != out.size()) out[inferred] = known / target;
    } else {
      require<ShapeError>(inferred == 0,
                          "{}: the leading dimension of {} is known only at run time; begin the "
                          "shape {} with 0 or -1",
                          op, to_string(x), list_of(wanted));
      out[0] = kDynamic;
    }
    return out;
  }
  const std::int64_t count = element_count(x);
  if (inferred != out.size()) {
    Shape rest = out;
    rest.erase(rest.begin() + inferred);
    const std::int64_t target = element_count(rest);
    if (target == 0 && count != 0) fail();
    require<ShapeError>(target != 0,
                        "{}: the -1 of the shape {} cannot be inferred for {}, which has no "
                        "elements; give the size",
                        op, list_of(wanted), to_string(x));
    if (count % target != 0) fail();
    out[inferred] = count / target;
    return out;
  }
  if (element_count(out) == count) return out;
  // A tensor without elements may want a dimension that is 0 itself.
  if (zeros && count == 0) return wanted;
  fail();
  return out;
}

Tensor as_i64(const Tensor& t) {
  if (t.dtype() == DType::i64 && t.is_contiguous()) return t;
  Tensor out = Tensor::empty(t.shape(), DType::i64);
  detail::copy_elements(t, out);
  return out;
}

Tensor from_doubles(const std::vector<double>& values, const Shape& shape, DType dtype) {
  Tensor exact = Tensor::from(values, shape);
  if (dtype == DType::f64) return exact;
  Tensor out = Tensor::empty(shape, dtype);
  detail::copy_elements(exact, out);
  return out;
}

}  // namespace athanor::ops
