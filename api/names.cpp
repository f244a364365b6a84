#include "api/names.h"

#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <cstdint>

#include "shared/result.h"

namespace windlass::api {
namespace {

// C.UTF-8 is part of glibc: the same tables on every machine, whatever locales are installed.
locale_t unicode_locale() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    WINDLASS_CHECK(locale != nullptr, "the locale C.UTF-8 is missing; it is part of libc-bin");
    return locale;
}

// One code point of valid UTF-8, RFC 3629.
std::uint32_t take_character(std::string_view& rest) {
    const auto byte = [&](std::size_t i) { return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0u; };
    const unsigned lead = byte(0);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t code = size == 1 ? lead : lead & (0x7Fu >> size);
    for (std::size_t i = 1; i < size; ++i) code = code << 6 | (byte(i) & 0x3Fu);
    rest.remove_prefix(std::min(size, rest.size()));
    return code;
}

void put_character(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) return put(code);
    if (code < 0x800)
        put(0xC0 | code >> 6);
    else if (code < 0x10000)
        put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F));
    else
        put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
}

bool is_control(std::uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}
bool is_blank_character(std::uint32_t code) {
    return code == ' ' || iswspace_l(static_cast<wint_t>(code), unicode_locale()) != 0;
}

template <class Predicate>
bool any_character(std::string_view text, Predicate predicate) {
    while (!text.empty())
        if (predicate(take_character(text))) return true;
    return false;
}

constexpr bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

std::string name_key(std::string_view name) {
    std::string key;
    key.reserve(name.size());
    while (!name.empty()) put_character(key, towlower_l(static_cast<wint_t>(take_character(name)), unicode_locale()));
    return key;
}

std::size_t count_characters(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string_view without_spaces_around(std::string_view text) {
    constexpr std::string_view spaces = " \t\r\n";
    const auto first = text.find_first_not_of(spaces);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

bool is_blank(std::string_view text) {
    return !any_character(text, [](std::uint32_t code) { return !is_blank_character(code); });
}

std::string_view fault_of_username(std::string_view text) {
    if (text.empty()) return "must not be empty";
    if (count_characters(text) > 150) return "must not be longer than 150 characters";
    if (any_character(text, [](std::uint32_t code) { return is_control(code) || is_blank_character(code); }))
        return "must not contain spaces or control characters";
    if (text.find_first_of("/:?#\"\\") != std::string_view::npos) return "must not contain any of / : ? # \" \\";
    return {};
}

std::string_view fault_of_email(std::string_view text) {
    if (text.empty()) return "must not be empty";
    if (count_characters(text) > 255) return "must not be longer than 255 characters";
    const auto at = text.find('@');
    const auto domain = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
    const bool shape = at != std::string_view::npos && at > 0 && !domain.empty() &&
                       domain.find('@') == std::string_view::npos && domain.front() != '.' && domain.back() != '.' &&
                       domain.find("..") == std::string_view::npos;
    const bool clean = !any_character(text, [](std::uint32_t code) {
        return is_control(code) || is_blank_character(code) || code == '<' || code == '>' || code == ',' ||
               code == ';' || code == ':';
    });
    return shape && clean ? std::string_view() : "must be an e-mail address such as ada@example.org";
}

std::string_view fault_of_personal_name(std::string_view text) {
    if (is_blank(text)) return "must not be empty";
    if (count_characters(text) > 255) return "must not be longer than 255 characters";
    if (any_character(text, is_control)) return "must not contain control characters";
    return {};
}

std::string_view fault_of_variable(std::string_view name) {
    const bool good =
        !name.empty() && name.size() <= 256 && is_letter(name.front()) &&
        std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
    return good ? std::string_view()
                : "a variable's name is letters, digits and _, does not begin with a digit, and has at most 256 "
                  "characters";
}

PersonalName split_name(std::string_view name) {
    const auto end = name.find_last_not_of(' ');
    name = name.substr(0, end == std::string_view::npos ? 0 : end + 1);
    const auto space = name.rfind(' ');
    if (space == std::string_view::npos) return {std::string(name), {}};
    const auto first = name.substr(0, space);
    return {std::string(first.substr(0, first.find_last_not_of(' ') + 1)), std::string(name.substr(space + 1))};
}

std::string joined_name(const PersonalName& person) {
    if (person.first.empty() || person.last.empty()) return person.first + person.last;
    return person.first + " " + person.last;
}

}  // namespace windlass::api
