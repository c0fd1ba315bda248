#include "athanor/ops/einsum.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <string>

#include "athanor/base/error.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

// An operand and the letter of each of its axes; the axes of an ellipsis have the letters 0, 1 ...
// counted from the last.
struct Term {
  Tensor tensor;
  std::string letters;
};

constexpr char kFirstAxis = 1;  // of an ellipsis: letters 1, 2 ... from the last axis on

std::string parse(std::string_view text, std::string_view equation, std::int64_t rank,
                  std::size_t& widest) {
  std::string before, behind;
  bool dots = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (c == '.') {
      require(!dots && text.substr(i, 3) == "...",
              "einsum: \"{}\": '.' stands only as one \"...\" in an operand", equation);
      dots = true;
      i += 2;
      continue;
    }
    require((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'),
            "einsum: \"{}\": '{}' is no letter; an operand is letters and \"...\"", equation, c);
    (dots ? behind : before) += c;
  }
  const auto named = static_cast<std::int64_t>(before.size() + behind.size());
  if (rank < 0) {  // the output: as many axes as the widest ellipsis
    std::string out = before;
    for (std::size_t k = dots ? widest : 0; k > 0; --k)
      out += static_cast<char>(kFirstAxis + k - 1);
    return out + behind;
  }
  require<ShapeError>(dots ? named <= rank : named == rank,
                      "einsum: \"{}\": \"{}\" names {} axes, its operand has {}", equation, text,
                      named, rank);
  const auto extra = static_cast<std::size_t>(rank - named);
  widest = std::max(widest, extra);
  std::string out = before;
  for (std::size_t k = extra; k > 0; --k) out += static_cast<char>(kFirstAxis + k - 1);
  return out + behind;
}

// Repeated letters: the diagonal of those axes.
Term without_repeats(Term t) {
  for (std::size_t i = 0; i < t.letters.size(); ++i) {
    const std::size_t j = t.letters.find(t.letters[i], i + 1);
    if (j == std::string::npos) continue;
    const auto a = static_cast<std::int64_t>(i), b = static_cast<std::int64_t>(j);
    const std::int64_t size = t.tensor.dim(a);
    // Both axes last, joined, every (size + 1)-th element.
    Dims order;
    std::string letters;
    Dims shape;
    for (std::int64_t d = 0; d < t.tensor.rank(); ++d)
      if (d != a && d != b) {
        order.push_back(d);
        letters += t.letters[static_cast<std::size_t>(d)];
        shape.push_back(t.tensor.dim(d));
      }
    order.push_back(a);
    order.push_back(b);
    shape.push_back(size * size);
    const Tensor joined = reshape(permute(t.tensor, order), shape);
    t.tensor = size ? slice(joined, -1, 0, size * size, size + 1) : joined;
    t.letters = letters + t.letters[i];
    return without_repeats(std::move(t));
  }
  return t;
}

// The axes in the order of `letters`, which are all of the term's.
Tensor arranged(const Term& t, const std::string& letters) {
  Dims order;
  bool same = true;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    order.push_back(static_cast<std::int64_t>(t.letters.find(letters[i])));
    same = same && order.back() == static_cast<std::int64_t>(i);
  }
  return same ? t.tensor : permute(t.tensor, order);
}

// Axes whose letter nobody else needs are summed away.
Term summed(Term t, const std::string& needed) {
  Dims axes;
  std::string letters;
  for (std::size_t i = 0; i < t.letters.size(); ++i) {
    if (needed.find(t.letters[i]) == std::string::npos) {
      axes.push_back(static_cast<std::int64_t>(i));
    } else {
      letters += t.letters[i];
    }
  }
  if (axes.empty()) return t;
  return {sum(t.tensor, axes), letters};
}

using Sizes = std::map<char, std::int64_t>;

// One batched matrix product: letters of both that are needed are the batch, of both that are not
// are summed over.
Term product(const Term& a, const Term& b, const std::string& needed, const Sizes& sizes) {
  std::string batch, left, right, inner;
  for (const char c : a.letters) {
    const bool both = b.letters.find(c) != std::string::npos;
    const bool kept = needed.find(c) != std::string::npos;
    (both ? (kept ? batch : inner) : left) += c;
  }
  for (const char c : b.letters)
    if (a.letters.find(c) == std::string::npos) right += c;
  const auto count = [&](const std::string& letters) {
    std::int64_t n = 1;
    for (const char c : letters) n *= sizes.at(c);
    return n;
  };
  // An axis of size 1 beside a larger one broadcasts.
  const auto whole = [&](const Term& t, const std::string& letters) {
    const Tensor x = arranged(t, letters);
    Shape shape;
    for (const char c : letters) shape.push_back(sizes.at(c));
    return x.shape() == shape ? x : expand(x, shape);
  };
  const Tensor x =
      reshape(whole(a, batch + left + inner), {count(batch), count(left), count(inner)});
  const Tensor y =
      reshape(whole(b, batch + inner + right), {count(batch), count(inner), count(right)});
  Shape shape;
  const std::string letters = batch + left + right;
  for (const char c : letters) shape.push_back(sizes.at(c));
  return {reshape(matmul(x, y), shape), letters};
}

}  // namespace

Tensor einsum(std::string_view equation, std::span<const Tensor> operands) {
  require(!operands.empty(), "einsum: \"{}\": there are no operands", equation);
  const std::size_t arrow = equation.find("->");
  const std::string_view inputs = equation.substr(0, arrow);
  std::vector<Term> terms;
  std::size_t widest = 0, at = 0;
  while (true) {
    const std::size_t comma = std::min(inputs.find(',', at), inputs.size());
    require(terms.size() < operands.size(), "einsum: \"{}\" names more operands than the {} given",
            equation, operands.size());
    const Tensor& t = operands[terms.size()];
    require(t.defined(), "einsum: \"{}\": operand {} is undefined", equation, terms.size());
    terms.push_back({t, parse(inputs.substr(at, comma - at), equation, t.rank(), widest)});
    if (comma == inputs.size()) break;
    at = comma + 1;
  }
  require(terms.size() == operands.size(), "einsum: \"{}\" names {} operands, {} were given",
          equation, terms.size(), operands.size());
  Sizes sizes;
  std::map<char, int> uses;
  for (const Term& t : terms) {
    require<DTypeError>(t.tensor.dtype() == terms[0].tensor.dtype(),
                        "einsum: operands of one dtype are wanted, not {} and {}",
                        describe(terms[0].tensor), describe(t.tensor));
    for (std::size_t i = 0; i < t.letters.size(); ++i) {
      const char c = t.letters[i];
      const std::int64_t size = t.tensor.dim(static_cast<std::int64_t>(i));
      auto [known, fresh] = sizes.try_emplace(c, size);
      require<ShapeError>(fresh || known->second == size || known->second == 1 || size == 1,
                          "einsum: \"{}\": axis '{}' has {} and {} elements", equation,
                          c < ' ' ? std::string("...") : std::string(1, c), known->second, size);
      if (known->second == 1) known->second = size;
      ++uses[c];
    }
  }
  std::string output;
  if (arrow == std::string_view::npos) {
    for (std::size_t k = widest; k > 0; --k) output += static_cast<char>(kFirstAxis + k - 1);
    for (const auto& [c, n] : uses)
      if (c >= ' ' && n == 1) output += c;
  } else {
    output = parse(equation.substr(arrow + 2), equation, -1, widest);
    for (std::size_t i = 0; i < output.size(); ++i)
      require(uses.contains(output[i]) && output.find(output[i], i + 1) == std::string::npos,
              "einsum: \"{}\": '{}' of the output {}", equation, output[i],
              uses.contains(output[i]) ? "stands twice" : "stands in no operand");
  }
  for (Term& t : terms) t = without_repeats(std::move(t));
  const auto needed_beside = [&](std::size_t i, std::size_t j) {
    std::string needed = output;
    for (std::size_t k = 0; k < terms.size(); ++k)
      if (k != i && k != j) needed += terms[k].letters;
    return needed;
  };
  while (terms.size() > 1) {
    // The pair whose product costs least.
    double least = std::numeric_limits<double>::infinity();
    std::size_t first = 0, second = 1;
    for (std::size_t i = 0; i < terms.size(); ++i)
      for (std::size_t j = i + 1; j < terms.size(); ++j) {
        double cost = 1;
        std::string all = terms[i].letters;
        for (const char c : terms[j].letters)
          if (all.find(c) == std::string::npos) all += c;
        for (const char c : all) cost *= static_cast<double>(sizes.at(c));
        if (cost < least) least = cost, first = i, second = j;
      }
    const std::string needed = needed_beside(first, second);
    const Term a = summed(terms[first], needed + terms[second].letters),
               b = summed(terms[second], needed + terms[first].letters);
    terms[first] = product(a, b, needed, sizes);
    terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(second));
  }
  const Term last = summed(terms[0], output);
  return arranged(last, output);
}

}  // namespace athanor::ops
