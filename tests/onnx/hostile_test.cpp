#include <gmock/gmock.h>
#include <onnx/onnx_pb.h>

#include <functional>

#include "athanor/base/error.hpp"
#include "athanor/graph/executor.hpp"
#include "athanor/io/onnx/onnx.hpp"

namespace athanor::io {
namespace {

using ::onnx::ModelProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using testing::HasSubstr;

// x -> Add(x, w) -> y, f32[2]
ModelProto small_model() {
  ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  auto* graph = model.mutable_graph();
  graph->set_name("g");
  const auto declare = [](auto* value, const char* name) {
    value->set_name(name);
    auto* type = value->mutable_type()->mutable_tensor_type();
    type->set_elem_type(TensorProto::FLOAT);
    type->mutable_shape()->add_dim()->set_dim_value(2);
  };
  declare(graph->add_input(), "x");
  declare(graph->add_output(), "y");
  TensorProto* w = graph->add_initializer();
  w->set_name("w");
  w->set_data_type(TensorProto::FLOAT);
  w->add_dims(2);
  w->add_float_data(10);
  w->add_float_data(20);
  NodeProto* node = graph->add_node();
  node->set_op_type("Add");
  node->add_input("x");
  node->add_input("w");
  node->add_output("y");
  return model;
}

std::vector<std::uint8_t> bytes_of(const ModelProto& model) {
  const std::string text = model.SerializeAsString();
  return {text.begin(), text.end()};
}

template <class E>
std::string refusal(const std::function<void(ModelProto&)>& change,
                    const OnnxImportOptions& options = {}) {
  ModelProto model = small_model();
  change(model);
  try {
    (void)import_onnx(bytes_of(model), options);
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another error: ") + error.what();
  }
  return "accepted";
}

TensorProto& weight(ModelProto& m) { return *m.mutable_graph()->mutable_initializer(0); }
NodeProto& add(ModelProto& m) { return *m.mutable_graph()->mutable_node(0); }

TEST(OnnxImport, RunsTheSmallModel) {
  const graph::Executor run(import_onnx(bytes_of(small_model())));
  const Tensor x = Tensor::from(std::vector<float>{1, 2}, {2});
  EXPECT_THAT(run.run(std::vector<Tensor>{x})[0].to_vector<float>(), testing::ElementsAre(11, 22));
}

TEST(OnnxImport, ConstantsMayBeInputsToo) {
  ModelProto model = small_model();
  *model.mutable_graph()->add_input() = model.graph().input(0);
  model.mutable_graph()->mutable_input(1)->set_name("w");
  const graph::Graph graph = import_onnx(bytes_of(model));
  EXPECT_EQ(graph.inputs.size(), 1u);
}

TEST(OnnxImport, RefusesWhatIsNoModel) {
  const std::vector<std::uint8_t> text{'h', 'e', 'l', 'l', 'o'};
  EXPECT_THROW((void)import_onnx(text), FormatError);
  EXPECT_THROW((void)import_onnx({}), FormatError);
}

TEST(OnnxImport, RefusesEveryTruncation) {
  const auto whole = bytes_of(small_model());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    try {
      (void)import_onnx(std::span(whole).first(size));
    } catch (const FormatError&) {
    } catch (const UnsupportedError&) {  // a cut that leaves another valid message
    }
  }
}

TEST(OnnxImport, RefusesWrongAmountsOfData) {
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) { weight(m).add_float_data(1); }),
              HasSubstr("has shape [2] and 3 values in place of 2"));
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) {
                weight(m).clear_float_data();
                weight(m).set_raw_data("1234567");
              }),
              HasSubstr("has 7 bytes in place of 8"));
}

TEST(OnnxImport, RefusesBadDimensions) {
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) { weight(m).set_dims(0, -2); }),
              HasSubstr("the dimension -2"));
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) {
                weight(m).add_dims(std::int64_t{1} << 40);
                weight(m).add_dims(std::int64_t{1} << 40);
                weight(m).add_dims(0);
              }),
              HasSubstr("more than 2^48"));
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) {
                for (int i = 0; i < 40; ++i) weight(m).add_dims(1);
              }),
              HasSubstr("41 dimensions"));
}

TEST(OnnxImport, RefusesDataInOtherFiles) {
  EXPECT_THAT(refusal<UnsupportedError>([](ModelProto& m) {
                weight(m).set_data_location(TensorProto::EXTERNAL);
                auto* entry = weight(m).add_external_data();
                entry->set_key("location");
                entry->set_value("../../etc/passwd");
              }),
              HasSubstr("in another file"));
}

TEST(OnnxImport, RefusesCyclesAndWrongOrder) {
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) { add(m).set_input(1, "y"); }),
              HasSubstr("reads 'y', which no input, constant or earlier node defines"));
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) { add(m).set_input(0, "nowhere"); }),
              HasSubstr("reads 'nowhere'"));
}

TEST(OnnxImport, RefusesTwoDefinitionsOfOneName) {
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) { add(m).set_output(0, "x"); }),
              HasSubstr("defines 'x' twice"));
}

TEST(OnnxImport, RefusesMissingInputsAndOutputs) {
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) { add(m).mutable_input()->RemoveLast(); }),
              HasSubstr("Add"));
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) { add(m).set_input(1, ""); }),
              HasSubstr("Add"));
  EXPECT_THAT(refusal<FormatError>(
                  [](ModelProto& m) { m.mutable_graph()->mutable_output(0)->set_name("z"); }),
              HasSubstr("nothing computes the ONNX output 'z'"));
}

TEST(OnnxImport, RefusesUnknownAttributes) {
  EXPECT_THAT(refusal<FormatError>([](ModelProto& m) {
                auto* a = add(m).add_attribute();
                a->set_name("broadcast");
                a->set_type(::onnx::AttributeProto::INT);
                a->set_i(1);
              }),
              HasSubstr("broadcast"));
}

TEST(OnnxImport, ListsAllUnknownNodeTypes) {
  EXPECT_THAT(refusal<UnsupportedError>([](ModelProto& m) {
                for (const char* type : {"Magic", "Wand", "Magic"}) {
                  NodeProto* node = m.mutable_graph()->add_node();
                  node->set_op_type(type);
                }
                m.mutable_graph()->mutable_node(3)->set_domain("com.example");
              }),
              HasSubstr("Magic (1), Wand (1), com.example.Magic (1)"));
}

TEST(OnnxImport, RefusesOtherOpsets) {
  for (int version : {0, 6, 18, 999})
    EXPECT_THAT(refusal<UnsupportedError>(
                    [&](ModelProto& m) { m.mutable_opset_import(0)->set_version(version); }),
                HasSubstr("athanor reads 7 to 17"));
}

TEST(OnnxImport, RefusesUnknownInnerDimensions) {
  EXPECT_THAT(refusal<UnsupportedError>([](ModelProto& m) {
                auto* shape = m.mutable_graph()
                                  ->mutable_input(0)
                                  ->mutable_type()
                                  ->mutable_tensor_type()
                                  ->mutable_shape();
                shape->add_dim()->set_dim_param("width");
              }),
              HasSubstr("dimension 1 of ONNX input 'x' is unknown"));
}

TEST(OnnxImport, TakesShapesFromTheCaller) {
  ModelProto model = small_model();
  model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  OnnxImportOptions options;
  options.input_shapes["x"] = {3, 2};
  const graph::Graph graph = import_onnx(bytes_of(model), options);
  EXPECT_EQ(graph[graph.outputs[0].value].meta.shape, (Shape{3, 2}));
}

TEST(OnnxImport, KeepsItsLimits) {
  EXPECT_THAT(
      refusal<FormatError>([](ModelProto&) {}, {.limits = {.nodes = 0}, .input_shapes = {}}),
      HasSubstr("1 nodes, at most 0"));
  EXPECT_THAT(
      refusal<FormatError>([](ModelProto&) {}, {.limits = {.tensors = 2}, .input_shapes = {}}),
      HasSubstr("at most 2"));
  EXPECT_THAT(
      refusal<FormatError>([](ModelProto&) {}, {.limits = {.bytes = 10}, .input_shapes = {}}),
      HasSubstr("at most 10"));
}

TEST(OnnxImport, RefusesConstantsThatGrowWithoutBound) {
  // ConstantOfShape([2^20, 2^20]) asks for 4 TiB in a file of 200 bytes.
  EXPECT_THAT(refusal<UnsupportedError>([](ModelProto& m) {
                TensorProto* dims = m.mutable_graph()->add_initializer();
                dims->set_name("dims");
                dims->set_data_type(TensorProto::INT64);
                dims->add_dims(2);
                dims->add_int64_data(1 << 20);
                dims->add_int64_data(1 << 20);
                NodeProto* node = m.mutable_graph()->add_node();
                node->set_op_type("ConstantOfShape");
                node->add_input("dims");
                node->add_output("huge");
              }),
              HasSubstr("asks for 4398046511104 bytes"));
}

}  // namespace
}  // namespace athanor::io
