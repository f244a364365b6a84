// Prints what the programs of this release say to each other, a message a line: tests/shared/fixtures/RELEASE.jsonl,
// made once for each release and never changed.
#include <fmt/format.h>

#include "tests/shared/sample_messages.h"

int main() {
    for (const auto& message : windlass::protocol::sample_messages())
        fmt::print("{}\n", windlass::protocol::encode(message));
}
