// The conformance suite on all three stores: its tests are defined in one translation unit.
#include "tests/scheduler/store_conformance.h"
#include "tests/scheduler/store_history_conformance.h"
#include "tests/scheduler/store_queue_conformance.h"
#include "tests/scheduler/store_trust_conformance.h"

namespace windlass::scheduler::test {

INSTANTIATE_TEST_SUITE_P(memory, EveryStore,
                         testing::Values(MakeDatabase([] { return std::make_unique<MemoryStoreDatabase>(); })));
INSTANTIATE_TEST_SUITE_P(sqlite, EveryStore, testing::Values(MakeDatabase([] {
                             return std::make_unique<SqlStoreDatabase>(Engine::sqlite);
                         })));
INSTANTIATE_TEST_SUITE_P(postgresql, EveryStore, testing::Values(MakeDatabase([] {
                             return std::make_unique<SqlStoreDatabase>(Engine::postgresql);
                         })));

}  // namespace windlass::scheduler::test
