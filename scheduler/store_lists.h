// Statements that name their rows by a list, in one parameter, for both engines. Internal to the SQL stores.
//
//     static const EngineSql select("select id, state from job_now where id in @ids");
//     session.query(select.of(session.engine()), ids_text(session.engine(), jobs));
//
// "in @name" is a list of numbers, "in @@name" one of hashes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/database/url.h"
#include "shared/ids.h"

namespace windlass::scheduler {

class EngineSql {
  public:
    explicit EngineSql(std::string_view text);
    const std::string& of(Engine engine) const { return engine == Engine::sqlite ? sqlite_ : postgresql_; }

  private:
    std::string sqlite_, postgresql_;
};

std::string ids_text(Engine engine, const std::vector<JobId>& ids);
// Of hexadecimal digits: nothing in them needs an escape.
std::string hashes_text(Engine engine, const std::vector<std::string>& hashes);

}  // namespace windlass::scheduler
