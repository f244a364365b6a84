// Ids of rows: numbers from the table id_counter, each given out once.
#pragma once

#include <string>

#include "shared/database/session.h"

namespace windlass::api {

// In the caller's transaction: the counter's row is held until it ends. The migration that makes a table makes its
// counter, so one that is missing is a broken assumption.
inline Result<std::int64_t> next_id(Session& session, const std::string& counter) {
    WINDLASS_TRY(const auto ids,
                 session.query("update id_counter set next = next + 1 where name = :name returning next - 1", counter));
    WINDLASS_CHECK(ids.size() == 1, "a counter is missing from id_counter");
    return ids.front().integer(0);
}

}  // namespace windlass::api
