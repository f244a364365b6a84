#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/relative_time.h"
#include "cli/server.h"
#include "cli/terminal.h"

namespace windlass::cli {
namespace {

std::string cell_text(const rapidjson::Value& row, const Column& column, WallTime now, bool colours) {
    if (column.of != nullptr) return harmless(column.of(row));
    const std::string text = shown_member(row, column.key);
    switch (column.as) {
        case Shown::text:
            break;
        case Shown::ago:
            if (const auto at = server_time(text)) return relative_time(*at, now);
            break;
        case Shown::bytes:
            if (row.IsObject() && row.HasMember(column.key) && row[column.key].IsInt64())
                return bytes_text(row[column.key].GetInt64());
            break;
        case Shown::seconds:
            if (row.IsObject() && row.HasMember(column.key) && row[column.key].IsNumber())
                return duration_text(Milliseconds(static_cast<std::int64_t>(row[column.key].GetDouble() * 1000)));
            break;
        case Shown::status:
            return coloured_status(harmless(text), colours);
    }
    return harmless(text);
}

bool holds_numbers(const rapidjson::Value& rows, const Column& column) {
    if (column.of != nullptr || column.width == 0) return false;
    if (column.as == Shown::bytes || column.as == Shown::seconds) return true;
    bool any = false;
    for (const auto& row : rows.GetArray()) {
        if (!row.IsObject()) return false;
        const auto member = row.FindMember(column.key);
        if (member == row.MemberEnd() || member->value.IsNull()) continue;
        if (!member->value.IsNumber()) return false;
        any = true;
    }
    return any;
}

}  // namespace

std::string shown_member(const rapidjson::Value& object, const char* key) {
    std::string text = member_text(object, key);
    if (!text.empty() || !object.IsObject()) return text;
    const auto member = object.FindMember(key);
    if (member == object.MemberEnd() || member->value.IsString() || member->value.IsNull()) return text;
    if (member->value.IsBool()) return member->value.GetBool() ? "yes" : "no";
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    member->value.Accept(writer);
    return std::string(text_of(buffer));
}

std::size_t columns_of(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\x1b') {  // ours: ESC [ digits m
            at = std::min(text.find('m', at), text.size());
            continue;
        }
        if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) ++count;
    }
    return count;
}

std::string table_text(const rapidjson::Value& rows, const std::vector<Column>& columns, WallTime now, bool colours) {
    std::vector<std::vector<std::string>> lines(1);
    for (const Column& column : columns) lines.front().emplace_back(column.title);
    for (const auto& row : rows.GetArray()) {
        lines.emplace_back();
        for (const Column& column : columns) lines.back().push_back(cell_text(row, column, now, colours));
    }
    std::vector<std::size_t> widths;
    std::vector<bool> to_the_right;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        std::size_t width = static_cast<std::size_t>(std::max(columns[i].width, 0));
        for (const auto& line : lines) width = std::max(width, columns_of(line[i]));
        widths.push_back(width);
        to_the_right.push_back(holds_numbers(rows, columns[i]));
    }
    std::string text;
    for (const auto& line : lines) {
        std::string out;
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const std::string room(widths[i] - columns_of(line[i]), ' ');
            if (i > 0) out += "  ";
            out += to_the_right[i] ? room + line[i] : line[i] + room;
        }
        out.erase(out.find_last_not_of(' ') + 1);
        text += out + "\n";
    }
    return text;
}

}  // namespace windlass::cli
