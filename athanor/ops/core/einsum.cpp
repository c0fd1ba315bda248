#include "athanor/ops/core/einsum.hpp"

#include <algorithm>
#include <cctype>

#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/operators.hpp"

namespace athanor::ops {

namespace {

bool has(std::string_view labels, char c) { return labels.find(c) != std::string_view::npos; }

std::string without_blanks(std::string_view text) {
  std::string out;
  for (char c : text)
    if (c != ' ') out += c;
  return out;
}

// The labels of one term; `more` axes stand for its ellipsis.
std::string labels_of(std::string_view equation, std::string_view term, std::size_t more) {
  std::string labels;
  for (std::size_t i = 0; i < term.size(); ++i) {
    if (term.substr(i, 3) == "...") {
      require(!has(labels, '0') && term.find("...", i + 3) == std::string_view::npos,
              "einsum: \"{}\": the term \"{}\" has two ellipses; it can have one", equation, term);
      for (std::size_t k = more; k-- > 0;) labels += static_cast<char>('0' + k);
      i += 2;
      continue;
    }
    require(std::isalpha(static_cast<unsigned char>(term[i])) != 0,
            "einsum: \"{}\": '{}' in the term \"{}\" is no letter; a term has letters and at most "
            "one \"...\"",
            equation, term[i], term);
    labels += term[i];
  }
  return labels;
}

std::size_t letters_of(std::string_view term) {
  return static_cast<std::size_t>(std::count_if(
      term.begin(), term.end(), [](unsigned char c) { return std::isalpha(c) != 0; }));
}

std::vector<std::string> terms_of(std::string_view text) {
  std::vector<std::string> terms(1);
  for (char c : text) {
    if (c == ',')
      terms.emplace_back();
    else
      terms.back() += c;
  }
  return terms;
}

void take_sizes(std::string_view equation, const std::string& labels, const TensorMeta& x,
                std::size_t operand, Einsum& e) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::int64_t& known = e.sizes[static_cast<std::size_t>(labels[i])];
    const std::int64_t size = x.shape[i];
    const bool repeated = labels.find(labels[i]) != i;
    require<ShapeError>(known == size || (!repeated && (size == 1 || known == 1)),
                        "einsum: \"{}\": the letter '{}' has the size {} in operand {} {}, and {} "
                        "before",
                        equation,
                        std::isdigit(static_cast<unsigned char>(labels[i])) != 0
                            ? std::string("...")
                            : std::string(1, labels[i]),
                        size, operand, describe(x), known);
    if (known == 1) known = size;
  }
}

std::string implicit_result(const std::vector<std::string>& terms, std::size_t dots) {
  std::string all, result;
  for (const std::string& term : terms) all += term;
  for (std::size_t k = dots; k-- > 0;) result += static_cast<char>('0' + k);
  for (int c = 0; c < 128; ++c)
    if (std::isalpha(c) != 0 && std::count(all.begin(), all.end(), static_cast<char>(c)) == 1)
      result += static_cast<char>(c);
  return result;
}

}  // namespace

Shape Einsum::shape(std::string_view labels) const {
  Shape out;
  for (char c : labels) out.push_back(size(c));
  return out;
}

Einsum parse_einsum(std::string_view equation, std::span<const TensorMeta> operands) {
  const std::string text = without_blanks(equation);
  const std::size_t arrow = text.find("->");
  const std::vector<std::string> terms = terms_of(std::string_view(text).substr(0, arrow));
  require(terms.size() == operands.size(),
          "einsum: \"{}\" has {} terms before the arrow for {} operands", equation, terms.size(),
          operands.size());
  Einsum e;
  std::size_t dots = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const std::size_t letters = letters_of(terms[i]), rank = operands[i].shape.size();
    const bool open = terms[i].find("...") != std::string::npos;
    require<ShapeError>(open ? rank >= letters : rank == letters,
                        "einsum: \"{}\": the term \"{}\" names {} axes, operand {} is {}", equation,
                        terms[i], letters, i, describe(operands[i]));
    require(rank - letters <= 10, "einsum: \"{}\": an ellipsis stands for {} axes; at most 10 can",
            equation, rank - letters);
    dots = std::max(dots, rank - letters);
    e.operands.push_back(labels_of(equation, terms[i], rank - letters));
    take_sizes(equation, e.operands.back(), operands[i], i, e);
  }
  e.result = arrow == std::string::npos
                 ? implicit_result(terms, dots)
                 : labels_of(equation, std::string_view(text).substr(arrow + 2), dots);
  for (std::size_t i = 0; i < e.result.size(); ++i) {
    const char c = e.result[i];
    require(e.result.find(c) == i, "einsum: \"{}\": the letter '{}' stands twice in the result",
            equation, c);
    require(std::any_of(e.operands.begin(), e.operands.end(),
                        [&](const std::string& labels) { return has(labels, c); }),
            "einsum: \"{}\": the letter '{}' of the result is in no operand", equation, c);
  }
  return e;
}

namespace {

struct EinsumTerm {
  Tensor x;
  std::string labels;
};

std::int64_t position(std::string_view labels, char c) {
  return static_cast<std::int64_t>(labels.find(c));
}

void remove_axis(EinsumTerm& t, std::size_t i) { t.labels.erase(i, 1); }

// One axis for each label: diagonals of repeated ones, and no axis of size 1 that is broadcast.
EinsumTerm with_plain_axes(const Einsum& e, const Tensor& x, std::string labels) {
  EinsumTerm t{x, std::move(labels)};
  for (std::size_t i = 0; i < t.labels.size();) {
    const std::size_t first = t.labels.find(t.labels[i]);
    if (first != i) {
      t.x = diagonal(t.x, 0, static_cast<std::int64_t>(first), static_cast<std::int64_t>(i));
      const char c = t.labels[i];
      t.labels.erase(i, 1);
      t.labels.erase(first, 1);
      t.labels += c;
      i = 0;
    } else if (t.x.shape()[i] == 1 && e.size(t.labels[i]) != 1) {
      t.x = squeeze(t.x, {static_cast<std::int64_t>(i)});
      remove_axis(t, i);
    } else {
      ++i;
    }
  }
  return t;
}

// Sums over the labels that neither `kept` nor the result has.
void sum_alone(EinsumTerm& t, std::string_view kept) {
  Dims axes;
  std::string left;
  for (std::size_t i = 0; i < t.labels.size(); ++i) {
    if (has(kept, t.labels[i]))
      left += t.labels[i];
    else
      axes.push_back(static_cast<std::int64_t>(i));
  }
  if (!axes.empty()) t.x = sum(t.x, axes);
  t.labels = left;
}

Tensor in_order(const EinsumTerm& t, std::string_view labels) {
  Dims axes;
  for (char c : labels) axes.push_back(position(t.labels, c));
  return permute(t.x, axes);
}

// How the labels of a pair fall apart, for what is wanted afterwards.
struct EinsumSplit {
  std::string batch, left, right, summed;
  EinsumSplit(const EinsumTerm& a, const EinsumTerm& b, std::string_view kept) {
    for (char c : a.labels) (!has(b.labels, c) ? left : has(kept, c) ? batch : summed) += c;
    for (char c : b.labels)
      if (!has(a.labels, c)) right += c;
  }
  std::string result() const { return batch + left + right; }
};

// The product of sizes as one axis; -1 where it is known only when the graph runs.
std::int64_t joined_size(const Einsum& e, std::string_view labels) {
  std::int64_t size = 1;
  for (char c : labels) {
    if (e.size(c) == kDynamic) return kDynamic;
    size *= e.size(c);
  }
  return size;
}

EinsumTerm contract(const Einsum& e, EinsumTerm a, EinsumTerm b, const std::string& kept) {
  sum_alone(a, kept + b.labels);
  sum_alone(b, kept + a.labels);
  const EinsumSplit s(a, b, kept);
  const std::string result = s.result(), all = result + s.summed;
  const bool empty = std::any_of(all.begin(), all.end(), [&](char c) { return e.size(c) == 0; });
  if (s.summed.empty() || empty) {  // nothing for matmul to add up: a product that broadcasts
    const auto spread = [&](const EinsumTerm& t) {
      std::string own;
      Dims missing;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (has(t.labels, all[i]))
          own += all[i];
        else
          missing.push_back(static_cast<std::int64_t>(i));
      }
      const Tensor y = in_order(t, own);
      return missing.empty() ? y : unsqueeze(y, missing);
    };
    EinsumTerm product{spread(a) * spread(b), all};
    sum_alone(product, result);
    return product;
  }
  const std::int64_t batch = joined_size(e, s.batch), summed = joined_size(e, s.summed);
  const Tensor x =
      reshape(in_order(a, s.batch + s.left + s.summed), {batch, joined_size(e, s.left), summed});
  const Tensor y =
      reshape(in_order(b, s.batch + s.summed + s.right), {batch, summed, joined_size(e, s.right)});
  return {reshape(matmul(x, y), e.shape(result)), result};
}

}  // namespace

Tensor run_einsum(const Einsum& e, std::span<const Tensor> operands) {
  std::vector<EinsumTerm> terms;
  for (std::size_t i = 0; i < operands.size(); ++i)
    terms.push_back(with_plain_axes(e, operands[i], e.operands[i]));
  const auto kept_without = [&](std::size_t a, std::size_t b) {
    std::string kept = e.result;
    for (std::size_t i = 0; i < terms.size(); ++i)
      if (i != a && i != b) kept += terms[i].labels;
    return kept;
  };
  while (terms.size() > 1) {
    std::size_t best_a = 0, best_b = 1;
    double best = kInfinity;
    for (std::size_t a = 0; a < terms.size(); ++a)
      for (std::size_t b = a + 1; b < terms.size(); ++b) {
        const std::string kept = kept_without(a, b);
        double made = 1, gone = 0;
        std::string seen;
        for (const std::size_t term : {a, b}) {
          double own = 1;
          for (char c : terms[term].labels) {
            const auto size = static_cast<double>(std::max<std::int64_t>(1, e.size(c)));
            own *= size;
            if (has(kept, c) && !has(seen, c)) made *= size, seen += c;
          }
          gone += own;
        }
        if (made - gone < best) best = made - gone, best_a = a, best_b = b;
      }
    terms[best_a] = contract(e, terms[best_a], terms[best_b], kept_without(best_a, best_b));
    terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(best_b));
  }
  sum_alone(terms[0], e.result);
  return in_order(terms[0], e.result);
}

}  // namespace athanor::ops
