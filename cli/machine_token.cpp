#include "cli/machine_token.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "shared/json.h"

namespace windlass::cli {

Result<std::string> make_machine_token(Server& server) {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    put_key(writer, "label");
    put(writer, fmt::format("windlass@{}", to_valid_utf8(host.data())).substr(0, 200));
    writer.EndObject();
    WINDLASS_TRY(const ServerAnswer made, server.post("/api/tokens/", std::string(text_of(buffer))));
    const std::string token = member_text(made.document, "token");
    if (token.empty()) return make_error(ErrorKind::internal, "the server made a token and did not tell it");
    return token;
}

}  // namespace windlass::cli
