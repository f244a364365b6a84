#include "shared/json.h"

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace windlass {
namespace {

using rapidjson::SizeType;

// Stands between the reader and the document: refuses what the rules forbid while it is being read, before it costs
// memory.
class Guard {
  public:
    Guard(rapidjson::Document& document, const JsonRules& rules) : document_(document), rules_(rules) {}

    bool Null() { return count() && document_.Null(); }
    bool Bool(bool b) { return count() && document_.Bool(b); }
    // Every number comes as its text: RapidJSON 1.1.0 reads some that are too large as small negative ones (10e308),
    // and reads outside its table of powers for others (CVE-2024-38517 and its like).
    bool RawNumber(const char* s, SizeType n, bool) { return count() && number({s, n}); }
    bool Int(int) { return false; }
    bool Uint(unsigned) { return false; }
    bool Int64(int64_t) { return false; }
    bool Uint64(uint64_t) { return false; }
    bool Double(double) { return false; }
    bool String(const char* s, SizeType n, bool copy) { return count() && clean(s, n) && document_.String(s, n, copy); }
    bool Key(const char* s, SizeType n, bool copy) { return count() && clean(s, n) && document_.Key(s, n, copy); }
    bool StartObject() { return open() && document_.StartObject(); }
    bool EndObject(SizeType n) { return --depth_, document_.EndObject(n); }
    bool StartArray() { return open() && document_.StartArray(); }
    bool EndArray(SizeType n) { return --depth_, document_.EndArray(n); }

    const std::string& reason() const { return reason_; }

  private:
    bool count() {
        if (++values_ <= rules_.max_values) return true;
        reason_ = fmt::format("more than {} values", rules_.max_values);
        return false;
    }
    // `text` follows the grammar of JSON. Whole numbers stay exact as long as 64 bits hold them.
    bool number(std::string_view text) {
        const char* const end = text.data() + text.size();
        const auto reads = [&](auto& value) {
            const auto [at, failed] = std::from_chars(text.data(), end, value);
            return failed == std::errc() && at == end;
        };
        if (std::int64_t i = 0; reads(i)) return document_.Int64(i);
        if (std::uint64_t u = 0; reads(u)) return document_.Uint64(u);
        if (double d = 0; reads(d)) return document_.Double(d);
        reason_ = "a number is too large or too small";
        return false;
    }
    bool open() {
        if (!count()) return false;
        if (++depth_ <= rules_.max_depth) return true;
        reason_ = fmt::format("nested deeper than {} levels", rules_.max_depth);
        return false;
    }
    bool clean(const char* s, SizeType n) {
        const std::string_view text(s, n);
        if (!rules_.allow_nul && text.find('\0') != std::string_view::npos) {
            reason_ = "a string contains the character NUL (\\u0000), which is not allowed";
            return false;
        }
        // RapidJSON takes "\udc00" without its first half, and writes bytes (0xED …) that are no UTF-8; a database
        // refuses them, and with them everything that is committed at the same time.
        if (text.find('\xED') != std::string_view::npos && !is_valid_utf8(text)) {
            reason_ = "a string contains one half of a surrogate pair, which is no character";
            return false;
        }
        return true;
    }

    rapidjson::Document& document_;
    const JsonRules& rules_;
    int depth_ = 0;
    std::size_t values_ = 0;
    std::string reason_;
};

// The depth is bounded by now, so recursion is safe.
bool find_duplicate_key(const rapidjson::Value& value, std::string& key) {
    if (value.IsArray()) {
        for (const auto& item : value.GetArray())
            if (find_duplicate_key(item, key)) return true;
        return false;
    }
    if (!value.IsObject()) return false;
    std::vector<std::string_view> keys;
    keys.reserve(value.MemberCount());
    for (const auto& member : value.GetObject()) {
        keys.push_back(text_of(member.name));
        if (find_duplicate_key(member.value, key)) return true;
    }
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice == keys.end()) return false;
    key = *twice;
    return true;
}

std::string place(std::string_view text, std::size_t offset) {
    offset = std::min(offset, text.size());
    const auto before = text.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto newline = before.rfind('\n');
    const std::size_t column = newline == std::string_view::npos ? offset + 1 : offset - newline;
    return fmt::format("line {}, column {}", line, column);
}

// Length of the valid sequence that starts here, 0 if there is none (RFC 3629: no surrogates, no overlong forms).
std::size_t sequence(std::string_view s, std::size_t i) {
    const auto byte = [&](std::size_t k) { return k < s.size() ? static_cast<unsigned char>(s[k]) : 0u; };
    const auto tail = [&](std::size_t k) { return (byte(k) & 0xC0u) == 0x80u; };
    const unsigned b0 = byte(i), b1 = byte(i + 1);
    if (b0 < 0x80) return 1;
    if (b0 >= 0xC2 && b0 <= 0xDF) return tail(i + 1) ? 2 : 0;
    if (b0 >= 0xE0 && b0 <= 0xEF) {
        const bool lead = b0 == 0xE0 ? b1 >= 0xA0 : b0 == 0xED ? b1 <= 0x9F : true;
        return lead && tail(i + 1) && tail(i + 2) ? 3 : 0;
    }
    if (b0 >= 0xF0 && b0 <= 0xF4) {
        const bool lead = b0 == 0xF0 ? b1 >= 0x90 : b0 == 0xF4 ? b1 <= 0x8F : true;
        return lead && tail(i + 1) && tail(i + 2) && tail(i + 3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

Result<rapidjson::Document> parse_json(std::string_view text, const JsonRules& rules) {
    using namespace rapidjson;
    // Some editors and shells begin a text with it (RFC 8259 section 8.1). RapidJSON would take a part of it for all.
    if (constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF"; text.starts_with(byte_order_mark))
        text.remove_prefix(byte_order_mark.size());
    // To RapidJSON it is the end of the text, whatever follows.
    if (const auto nul = text.find('\0'); nul != std::string_view::npos)
        return make_error(ErrorKind::invalid, place(text, nul) + ": the byte NUL, which no JSON contains");
    Document document;
    Reader reader;
    MemoryStream stream(text.data(), text.size());
    Guard guard(document, rules);
    ParseResult result;
    // Populate() is the only way to build a Document from our own SAX source.
    struct Source {
        Reader& reader;
        MemoryStream& stream;
        Guard& guard;
        ParseResult& result;
        bool operator()(Document&) {
            constexpr unsigned flags = kParseIterativeFlag | kParseValidateEncodingFlag | kParseNumbersAsStringsFlag;
            result = reader.Parse<flags>(stream, guard);
            return !result.IsError();
        }
    } source{reader, stream, guard, result};
    document.Populate(source);
    if (result.IsError()) {
        const bool ours = result.Code() == kParseErrorTermination;
        return make_error(ErrorKind::invalid,
                          place(text, result.Offset()) + ": " +
                              (ours ? guard.reason() : std::string(GetParseError_En(result.Code()))));
    }
    std::string twice;
    if (find_duplicate_key(document, twice))
        return make_error(ErrorKind::invalid,
                          "the key \"" + to_valid_utf8(twice).substr(0, 200) + "\" appears twice in one object");
    return document;
}

bool is_valid_utf8(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t n = sequence(bytes, i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

std::string to_valid_utf8(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t n = sequence(bytes, i);
        if (n == 0) {
            out += "\xEF\xBF\xBD";
            ++i;
        } else {
            out.append(bytes, i, n);
            i += n;
        }
    }
    return out;
}

std::string json_object_of(const std::map<std::string, std::string>& values) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    for (const auto& [name, value] : values) {
        put_key(writer, name);
        put(writer, value);
    }
    writer.EndObject();
    return std::string(text_of(buffer));
}

}  // namespace windlass
