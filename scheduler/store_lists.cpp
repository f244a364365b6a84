#include "scheduler/store_lists.h"

#include <cctype>

namespace windlass::scheduler {
namespace {

// An array literal of PostgreSQL, or a JSON array for json_each of SQLite.
template <class Items, class Write>
std::string list_text(Engine engine, const Items& items, Write&& write) {
    const bool sqlite = engine == Engine::sqlite;
    std::string text(1, sqlite ? '[' : '{');
    for (const auto& item : items) {
        if (text.size() > 1) text += ',';
        write(text, item);
    }
    return text + (sqlite ? ']' : '}');
}

}  // namespace

EngineSql::EngineSql(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t found = text.find("in @", at);
        const std::string_view before = text.substr(at, found - at);
        sqlite_ += before;
        postgresql_ += before;
        if (found == std::string_view::npos) break;
        std::size_t name = found + 4;
        const bool hashes = text[name] == '@';
        if (hashes) ++name;
        std::size_t end = name;
        while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_'))
            ++end;
        const std::string parameter(text.substr(name, end - name));
        sqlite_ += "in (select value from json_each(:" + parameter + "))";
        postgresql_ += "= any(cast(:" + parameter + (hashes ? " as text[]))" : " as bigint[]))");
        at = end;
    }
}

std::string ids_text(Engine engine, const std::vector<JobId>& ids) {
    return list_text(engine, ids, [](std::string& text, JobId id) { text += id.text(); });
}

std::string hashes_text(Engine engine, const std::vector<std::string>& hashes) {
    return list_text(engine, hashes, [&](std::string& text, const std::string& hash) {
        text += engine == Engine::sqlite ? '"' + hash + '"' : hash;
    });
}

}  // namespace windlass::scheduler
