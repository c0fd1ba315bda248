#include "athanor/ops/core/einsum.hpp"

#include "athanor/ops/core/index.hpp"
#include "athanor/ops/core/infer.hpp"
#include "athanor/ops/ops.hpp"

namespace athanor::ops {

namespace {

SmallVector<TensorMeta, 4> einsum_metas(std::span<const Tensor> in) {
  SmallVector<TensorMeta, 4> metas;
  for (const Tensor& x : in) metas.push_back(meta_of(x));
  return metas;
}

// The plain sum over all letters.
std::vector<double> einsum_loops(const Einsum& e, std::span<const Tensor> in) {
  std::string labels = e.result;
  for (const std::string& operand : e.operands)
    for (char c : operand)
      if (labels.find(c) == std::string::npos) labels += c;
  const Shape space = e.shape(labels), result = e.shape(e.result);
  std::vector<double> y(static_cast<std::size_t>(element_count(result)));
  std::vector<std::vector<double>> values;
  for (const Tensor& x : in) values.push_back(x.to_vector<double>());
  for (std::int64_t n = 0; n < element_count(space); ++n) {
    const Dims at = coordinates(space, n);
    double product = 1;
    for (std::size_t k = 0; k < in.size(); ++k) {
      std::int64_t place = 0;
      for (std::size_t i = 0; i < e.operands[k].size(); ++i) {
        const std::int64_t size = in[k].shape()[i];
        place = place * size + (size == 1 ? 0 : at[labels.find(e.operands[k][i])]);
      }
      product *= values[k][static_cast<std::size_t>(place)];
    }
    std::int64_t place = 0;
    for (std::size_t i = 0; i < result.size(); ++i) place = place * result[i] + at[i];
    y[static_cast<std::size_t>(place)] += product;
  }
  return y;
}

}  // namespace

ATH_OP(einsum, "(operands..., equation: text) -> y") {
  op.doc =
      "The sum of products that an equation names, as \"bij,bjk->bik\": a letter for each axis of "
      "each operand; letters that the result does not have are summed over. A letter twice in a "
      "term takes the diagonal, \"...\" stands for any more axes, which broadcast; without an "
      "arrow "
      "the result has the letters that stand once, in the order of the alphabet (upper case "
      "first), behind the ellipsis. Several operands are contracted in pairs, smallest product "
      "first.";
  op.infer = [](std::span<const TensorMeta> in, const Attrs& a) {
    require(!in.empty(), "einsum: \"{}\" came without operands; give at least one",
            a.text("equation"));
    for (const TensorMeta& x : in) require_same_dtype("einsum", "operands", in[0], "operands", x);
    const Einsum e = parse_einsum(a.text("equation"), in);
    return MetaList{{e.shape(e.result), in[0].dtype}};
  };
  op.lower = [](std::span<const Tensor> in, const Attrs& a) {
    return TensorList{
        contiguous(run_einsum(parse_einsum(a.text("equation"), einsum_metas(in)), in))};
  };
  op.reference = [](std::span<const Tensor> in, const Attrs& a) {
    const Einsum e = parse_einsum(a.text("equation"), einsum_metas(in));
    return TensorList{from_doubles(einsum_loops(e, in), e.shape(e.result), in[0].dtype())};
  };
  op.onnx = onnx_lowering();
  op.onnx.from = {{"Einsum", [](const OnnxReader& node) {
                     TensorList in;
                     for (int i = 0; i < node.input_count(); ++i) in.push_back(node.input(i));
                     return TensorList{einsum(in, node.text("equation", ""))};
                   }}};
  op.samples = [](SampleMaker& m) {
    std::vector<Sample> samples;
    const auto add = [&](const char* equation, const std::vector<Shape>& shapes) {
      TensorList in;
      for (const Shape& shape : shapes) in.push_back(m.tensor(shape));
      samples.push_back(m.sample(in, {{"equation", std::string(equation)}}));
    };
    add("ij,jk->ik", {{2, 3}, {3, 4}});
    add("bij,bjk->bki", {{2, 3, 4}, {2, 4, 2}});
    add("ii->i", {{3, 3}});
    add("iij->j", {{3, 3, 2}});
    add("ij", {{2, 3}});
    add("ba", {{2, 3}});
    add("ii", {{3, 3}});
    add("i,j->ij", {{2}, {3}});
    add("ij,ij->", {{2, 3}, {2, 3}});
    add("...ij,...jk->...ik", {{2, 1, 2, 3}, {4, 3, 2}});
    add("...i,i", {{2, 3}, {3}});
    add("i...->...", {{2, 3}});
    add("ab,bc,cd->ad", {{2, 3}, {3, 4}, {4, 2}});
    add("bhqd,bhkd->bhqk", {{2, 2, 3, 4}, {2, 2, 2, 4}});
    add("ij,kj->ik", {{2, 1}, {3, 4}});
    add("ij , jk", {{2, 3}, {3, 2}});
    add("ij,jk->ik", {{0, 3}, {3, 4}});
    add("ij,jk->ik", {{2, 0}, {0, 3}});
    add(",i->i", {{}, {3}});
    return samples;
  };
  const auto bad = [](const char* expected, const char* equation, std::vector<Shape> shapes) {
    return BadSample{expected, [=](SampleMaker& m) {
                       TensorList in;
                       for (const Shape& shape : shapes) in.push_back(m.tensor(shape));
                       return m.sample(in, {{"equation", std::string(equation)}});
                     }};
  };
  op.bad = {bad("\"ij,jk->ik\" has 2 terms before the arrow for 1 operands", "ij,jk->ik", {{2, 3}}),
            bad("the letter 'j' has the size 4 in operand 1", "ij,jk->ik", {{2, 3}, {4, 4}}),
            bad("the letter 'i' has the size 3 in operand 0", "ii->i", {{2, 3}}),
            bad("the term \"ij\" names 2 axes", "ij->i", {{2, 3, 4}}),
            bad("the letter 'k' of the result is in no operand", "ij->ik", {{2, 3}}),
            bad("the letter 'i' stands twice in the result", "ij->ii", {{2, 3}}),
            bad("'1' in the term \"i1\" is no letter", "i1->i", {{2}}),
            bad("has two ellipses", "...i...->i", {{2, 3}})};
}

}  // namespace athanor::ops
