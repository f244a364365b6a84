// For what cannot fail unless the test itself is wrong: the value, or the end of the program with the reason.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <utility>

#include "shared/result.h"

namespace windlass::test {

template <class T>
T must(Result<T> result) {
    if (!result) {
        ADD_FAILURE() << result.error().message;
        std::abort();
    }
    return std::move(result).value();
}
inline void must(Status status) {
    if (status) return;
    ADD_FAILURE() << status.error().message;
    std::abort();
}

}  // namespace windlass::test
