#include "cli/job_file.h"

#include "shared/json.h"

namespace windlass::cli {

Result<std::string> with_job_file(std::string_view file, std::string_view flags) {
    auto body = parse_json(file);
    if (!body) return make_error(ErrorKind::invalid, "the job file is not JSON: " + body.error().message);
    if (!body->IsObject())
        return make_error(ErrorKind::invalid, "the job file holds one JSON object, with the fields of a submit");
    WINDLASS_TRY(const auto said, parse_json(flags));
    for (const auto& member : said.GetObject()) {
        if (member.value.IsString() && member.value.GetStringLength() == 0 && body->HasMember(member.name)) continue;
        rapidjson::Value value(member.value, body->GetAllocator());
        if (const auto there = body->FindMember(member.name); there != body->MemberEnd())
            there->value = value;
        else
            body->AddMember(rapidjson::Value(member.name, body->GetAllocator()), value, body->GetAllocator());
    }
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    body->Accept(writer);
    return std::string(text_of(buffer));
}

}  // namespace windlass::cli
