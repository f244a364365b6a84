#include "api_fixture.h"

namespace windlass::api::test {
Engine engine_under_test() {
    return Engine::postgresql;
}
}  // namespace windlass::api::test
