// What an account, a job and a variable may be called.
#pragma once

#include <string>
#include <string_view>

namespace windlass::api {

// The form in which two spellings of one name are equal: lower case, for all scripts that have it.
std::string name_key(std::string_view name);

std::size_t count_characters(std::string_view utf8);  // code points
std::string_view without_spaces_around(std::string_view text);
bool is_blank(std::string_view text);  // nothing, or nothing but what looks like nothing

// Each returns what is wrong, as a sentence, or nothing. The text is valid UTF-8 without NUL.
std::string_view fault_of_username(std::string_view text);  // it stands in paths and is typed: no spaces, no / : ? #
std::string_view fault_of_email(std::string_view text);
std::string_view fault_of_personal_name(std::string_view text);  // people's and companies' names: any text but blank
std::string_view fault_of_variable(std::string_view name);       // an environment variable: [A-Za-z_][A-Za-z0-9_]*

struct PersonalName {
    std::string first;
    std::string last;
};
// "Ada King Lovelace": the last word is the last name. One word: it is the first name.
PersonalName split_name(std::string_view name);
// The other way round; nothing but spaces around is lost.
std::string joined_name(const PersonalName& person);

}  // namespace windlass::api
