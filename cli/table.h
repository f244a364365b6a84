// Lists for people: columns as wide as what stands in them, numbers to the right, times as people say them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/json.h"
#include "shared/time.h"

namespace windlass::cli {

// How the member of a row is written.
enum class Shown {
    text,     // as it is; true and false as yes and no
    ago,      // a time of the server: "3 min ago", "in 2 h"
    bytes,    // "2.0 GiB"
    seconds,  // "3 min 20 s"
    status,   // of a job, in its colour
};

struct Column {
    const char* key;  // of the JSON object
    const char* title;
    int width;                                                 // at least; 0: the last one
    std::string (*of)(const rapidjson::Value& row) = nullptr;  // what no single member says; null: the member
    Shown as = Shown::text;
};

// The lines, the titles first, each with its end. Nothing in it can command a terminal.
std::string table_text(const rapidjson::Value& rows, const std::vector<Column>& columns, WallTime now, bool colours);

// A member as people read it, byte for byte where it is text; empty when it is missing or null.
std::string shown_member(const rapidjson::Value& object, const char* key);

// How many columns of a terminal a text takes: characters, escapes that colour not counted.
std::size_t columns_of(std::string_view text);

}  // namespace windlass::cli
