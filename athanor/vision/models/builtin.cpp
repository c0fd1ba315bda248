#include "athanor/vision/models/builtin.hpp"

#include <cstdint>
#include <span>

#include "athanor/base/error.hpp"
#include "athanor/io/weights.hpp"

// The file as it is, put into the program by the assembler.
asm(R"(
  .section .rodata
  .balign 64
  .global athanor_resnet18_slim_begin
  .hidden athanor_resnet18_slim_begin
  .global athanor_resnet18_slim_end
  .hidden athanor_resnet18_slim_end
athanor_resnet18_slim_begin:
  .incbin ")" ATH_WEIGHTS_FOLDER R"(/resnet18_slim.safetensors"
athanor_resnet18_slim_end:
  .previous
)");
extern "C" const std::uint8_t athanor_resnet18_slim_begin[], athanor_resnet18_slim_end[];

namespace athanor::vision {

bool has_builtin_weights(const std::string& model) { return model == "resnet18_slim"; }

TensorMap builtin_weights(const std::string& model) {
  require(has_builtin_weights(model), "athanor brings no pretrained weights for {}", model);
  return io::parse_weights({athanor_resnet18_slim_begin, athanor_resnet18_slim_end},
                           "the weights of " + model + " in athanor");
}

}  // namespace athanor::vision
