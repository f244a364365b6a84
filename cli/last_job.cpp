#include "cli/last_job.h"

#include <fmt/format.h>

#include "cli/private_file.h"
#include "shared/json.h"

namespace windlass::cli {

void remember_last_job(const std::string& server_url, const std::string& id) {
    const auto home = config_home();
    if (!home || !make_private_directories(*home)) return;
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    put_key(writer, "url");
    put(writer, server_url);
    put_key(writer, "job");
    put(writer, id);
    writer.EndObject();
    (void)write_private_file(*home + "/last", std::string(text_of(buffer)) + "\n");
}

Result<std::string> last_job(const std::string& server_url) {
    WINDLASS_TRY(const std::string home, config_home());
    const Error none = make_error(ErrorKind::not_found,
                                  fmt::format("no job was submitted to {} from here: `last` is the newest of them; "
                                              "`windlass job list` shows all",
                                              server_url));
    const auto text = read_file(home + "/last");
    if (!text) return none;
    const auto parsed = parse_json(*text);
    if (!parsed || !parsed->IsObject() || !parsed->HasMember("url") || !parsed->HasMember("job") ||
        !(*parsed)["url"].IsString() || !(*parsed)["job"].IsString() || text_of((*parsed)["url"]) != server_url)
        return none;
    return std::string(text_of((*parsed)["job"]));
}

}  // namespace windlass::cli
