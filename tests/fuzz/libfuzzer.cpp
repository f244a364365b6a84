// The entry point of libFuzzer (https://llvm.org/docs/LibFuzzer.html). One program per target: WINDLASS_FUZZ_TARGET
// names its function. What a target throws is not caught, so that libFuzzer keeps the input.
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    windlass::fuzz::WINDLASS_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
    return 0;
}
