// What a description (describe(): job_fields.h) is shown to: the Writer makes a JSON object of the fields, the Reader
// sets them from one. A field that is missing keeps its default; one of the wrong type is an error.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include "shared/json.h"
#include "shared/protocol.h"

namespace windlass::protocol {

struct Writer {
    JsonWriter& json;

    void value(bool b) { json.Bool(b); }
    void value(double number) {
        WINDLASS_CHECK(std::isfinite(number), "JSON has no word for a number that is not finite");
        json.Double(number);
    }
    template <class I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) void value(I i) { json.Int64(i); }
    template <class E>
    requires std::is_enum_v<E>
    void value(E e) { json.Int64(static_cast<std::int64_t>(e)); }
    template <class Tag>
    void value(Id<Tag> id) {
        json.Int64(id.value);
    }
    template <class Rep, class Period>
    void value(std::chrono::duration<Rep, Period> d) {
        json.Int64(d.count());
    }
    void value(std::string& s) { put(json, s); }
    void value(AttemptRef& ref) {  // [job, attempt]: renewals carry many of them
        json.StartArray();
        json.Int64(ref.job.value);
        json.Int64(ref.attempt);
        json.EndArray();
    }
    void value(WallTime& time) { json.Int64(to_unix_us(time)); }
    template <class T>
    void value(std::optional<T>& maybe) {
        if (maybe)
            value(*maybe);
        else
            json.Null();
    }
    template <class T>
    void value(std::map<std::string, T>& map) {
        json.StartObject();
        for (auto& [key, item] : map) {
            put_key(json, key);
            value(item);
        }
        json.EndObject();
    }
    template <class T>
    void value(std::vector<T>& list) {
        json.StartArray();
        for (auto& item : list) value(item);
        json.EndArray();
    }
    template <class T>
    requires(std::is_class_v<T>) void value(T& message) {
        json.StartObject();
        describe(*this, message);
        json.EndObject();
    }
    template <class T>
    void operator()(const char* name, T& field) {
        json.Key(name);
        value(field);
    }
    // Of what most jobs do not use: a default is not written, and a reader keeps its own.
    template <class T>
    void unless_default(const char* name, T& field) {
        unless(name, field, T{});
    }
    template <class T, class D>
    void unless(const char* name, T& field, const D& standard) {
        if (!(field == standard)) (*this)(name, field);
    }
};

// Reads the fields of one JSON object. What is wrong is said in `error`, once.
class Reader {
  public:
    Reader(const rapidjson::Value& object, std::string& error) : object_(object), error_(error) {}

    template <class T>
    void operator()(const char* name, T& field) {
        if (!error_.empty()) return;
        const auto member = object_.FindMember(name);
        if (member == object_.MemberEnd()) return;
        if (!read(member->value, field) && error_.empty()) error_ = fmt::format("field {} has a wrong value", name);
    }
    template <class T>
    void unless_default(const char* name, T& field) {
        (*this)(name, field);
    }
    template <class T, class D>
    void unless(const char* name, T& field, const D&) {
        (*this)(name, field);
    }

  private:
    static bool read(const rapidjson::Value& v, bool& b) {
        if (!v.IsBool()) return false;
        b = v.GetBool();
        return true;
    }
    static bool read(const rapidjson::Value& v, double& number) {
        if (!v.IsNumber()) return false;
        number = v.GetDouble();
        return std::isfinite(number);
    }
    template <class I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) static bool read(const rapidjson::Value& v, I& i) {
        if (!v.IsInt64()) return false;
        const std::int64_t wide = v.GetInt64();
        if (wide < std::numeric_limits<I>::min() || wide > std::numeric_limits<I>::max()) return false;
        i = static_cast<I>(wide);
        return true;
    }
    static bool read(const rapidjson::Value& v, OutcomeKind& e) { return read_enum(v, e, OutcomeKind::worker_lost); }
    static bool read(const rapidjson::Value& v, DependencyCondition& e) {
        return read_enum(v, e, DependencyCondition::failed);
    }
    static bool read(const rapidjson::Value& v, JobMove& e) { return read_enum(v, e, JobMove::ready); }
    static bool read(const rapidjson::Value& v, JobState& e) { return read_enum(v, e, JobState::lost); }
    static bool read(const rapidjson::Value& v, SubmitRefused::Why& e) {
        return read_enum(v, e, SubmitRefused::Why::no_such_blob);
    }
    static bool read(const rapidjson::Value& v, Network& e) { return read_enum(v, e, Network::full); }
    static bool read(const rapidjson::Value& v, OutputStream& e) {
        return read_enum(v, e, OutputStream::standard_error) && e >= OutputStream::standard_output;
    }
    template <class E>
    static bool read_enum(const rapidjson::Value& v, E& e, E last) {
        std::int16_t number = 0;
        if (!read(v, number) || number < 0 || number > static_cast<std::int16_t>(last)) return false;
        e = static_cast<E>(number);
        return true;
    }
    template <class Tag>
    static bool read(const rapidjson::Value& v, Id<Tag>& id) {
        return read(v, id.value) && id.value >= 0;
    }
    template <class Rep, class Period>
    static bool read(const rapidjson::Value& v, std::chrono::duration<Rep, Period>& d) {
        std::int64_t count = 0;
        if (!read(v, count)) return false;
        d = std::chrono::duration<Rep, Period>(count);
        return true;
    }
    static bool read(const rapidjson::Value& v, std::string& s) {
        if (!v.IsString()) return false;
        s.assign(v.GetString(), v.GetStringLength());
        return true;
    }
    static bool read(const rapidjson::Value& v, AttemptRef& ref) {
        return v.IsArray() && v.Size() == 2 && read(v[0], ref.job) && read(v[1], ref.attempt);
    }
    static bool read(const rapidjson::Value& v, WallTime& time) {
        std::int64_t us = 0;
        if (!read(v, us)) return false;
        time = from_unix_us(us);
        return true;
    }
    template <class T>
    bool read(const rapidjson::Value& v, std::optional<T>& maybe) {
        maybe.reset();
        return v.IsNull() || read(v, maybe.emplace());
    }
    template <class T>
    static bool read(const rapidjson::Value& v, std::map<std::string, T>& map) {
        if (!v.IsObject()) return false;
        map.clear();
        for (const auto& member : v.GetObject())
            if (!read(member.value, map[std::string(text_of(member.name))])) return false;
        return true;
    }
    template <class T>
    bool read(const rapidjson::Value& v, std::vector<T>& list) {
        if (!v.IsArray()) return false;
        list.clear();
        list.reserve(v.Size());
        for (const auto& item : v.GetArray())
            if (!read(item, list.emplace_back())) return false;
        return true;
    }
    template <class T>
    requires(std::is_class_v<T>) bool read(const rapidjson::Value& v, T& message) {
        if (!v.IsObject()) return false;
        Reader inner(v, error_);
        describe(inner, message);
        return error_.empty();
    }

    const rapidjson::Value& object_;
    std::string& error_;
};

}  // namespace windlass::protocol
