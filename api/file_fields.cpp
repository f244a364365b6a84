// files and outputs of a submit.
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <optional>

#include "api/submit_fields.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_files = 1000;
constexpr std::size_t most_patterns = 100;

// Strictly: the alphabet of RFC 4648, with its padding.
std::optional<std::string> from_base64(std::string_view text) {
    std::string bytes(text.size() / 4 * 3 + 3, '\0');
    std::size_t length = 0;
    const char* end = nullptr;
    const int failed = sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                                         text.size(), nullptr, &length, &end, sodium_base64_VARIANT_ORIGINAL);
    if (failed != 0 || end != text.data() + text.size()) return std::nullopt;
    bytes.resize(length);
    return bytes;
}

// The hash of what a file is to hold; the bytes, if they came along, go into `job`.
std::optional<std::string> read_content(const rapidjson::Value& value, const std::string& pointer, SubmittedJob& job,
                                        Faults& faults) {
    const auto keep = [&job](std::string bytes) {
        auto hash = sha256_hex(bytes);
        job.inline_files.emplace(hash, std::move(bytes));
        return hash;
    };
    if (value.IsString()) return keep(std::string(text_of(value)));
    if (!value.IsObject()) {
        faults.bad(pointer,
                   fmt::format("must be text, {{\"base64\": …}} or {{\"sha256\": …}}, not {}", type_name(value)));
        return std::nullopt;
    }
    FieldReader fields(value, pointer, faults);
    const auto base64 = fields.text("base64");
    const auto sha256 = fields.text("sha256");
    fields.refuse_others();
    if ((fields.any("base64") == nullptr) == (fields.any("sha256") == nullptr)) {
        faults.bad(pointer, "needs either base64 or sha256");
    } else if (sha256) {
        if (is_sha256(*sha256)) return std::string(*sha256);
        fields.bad("sha256", "must be 64 hexadecimal digits in lower case");
    } else if (base64) {
        if (auto bytes = from_base64(*base64)) return keep(*std::move(bytes));
        fields.bad("base64", "is not base64 (RFC 4648, with padding)");
    }
    return std::nullopt;
}

std::string_view fault_of_file_path(std::string_view path) {
    if (path == "code" || path == "data") return "code and data have fields of their own";
    if (path == "out") return "out is the directory of the results";
    const auto first = path.substr(0, path.find('/'));
    if (first == ".tmp" || first == ".shm") return "the sandbox uses .tmp and .shm itself";
    return fault_of_relative_path(path);
}

// "a" and "a/b" cannot both be files.
void refuse_files_in_files(const std::map<std::string, std::string>& files, Faults& faults) {
    for (const auto& [path, hash] : files) {
        for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
            const auto parent = path.substr(0, slash);
            if (files.contains(parent) || parent == "code" || parent == "data")
                faults.bad(pointer_to("/files", path), fmt::format("\"{}\" is a file itself", parent));
        }
    }
}

void read_files(FieldReader& fields, SubmittedJob& job, Faults& faults) {
    const auto* object = fields.object("files");
    if (object == nullptr) return;
    job.spec.files.clear();
    if (object->MemberCount() > most_files)
        return fields.bad("files", fmt::format("has more than {} files", most_files));
    for (const auto& member : object->GetObject()) {
        const auto path = text_of(member.name);
        const auto pointer = pointer_to("/files", path);
        if (const auto fault = fault_of_file_path(path); !fault.empty())
            faults.bad(pointer, std::string(fault));
        else if (auto hash = read_content(member.value, pointer, job, faults))
            job.spec.files.emplace(path, *std::move(hash));
    }
    refuse_files_in_files(job.spec.files, faults);
}

// A relative path, or one with a / at its end: everything below that directory.
std::string_view fault_of_pattern(std::string_view pattern) {
    if (pattern.size() > 1 && pattern.ends_with('/')) pattern.remove_suffix(1);
    return fault_of_relative_path(pattern);
}

void read_outputs(FieldReader& fields, std::vector<std::string>& outputs, Faults& faults) {
    const auto* values = fields.any("outputs");
    if (values == nullptr) return;
    if (!values->IsArray()) return fields.bad("outputs", fmt::format("must be an array, not {}", type_name(*values)));
    if (values->Size() > most_patterns)
        return fields.bad("outputs", fmt::format("has more than {} patterns", most_patterns));
    outputs.clear();
    std::size_t number = 0;
    for (const auto& value : values->GetArray()) {
        const auto pointer = fmt::format("/outputs/{}", number++);
        if (!value.IsString())
            faults.bad(pointer, fmt::format("must be a string, not {}", type_name(value)));
        else if (const auto fault = fault_of_pattern(text_of(value)); !fault.empty())
            faults.bad(pointer, std::string(fault));
        else
            outputs.emplace_back(text_of(value));
    }
}

}  // namespace

void read_file_fields(FieldReader& fields, SubmittedJob& job, Faults& faults) {
    read_files(fields, job, faults);
    read_outputs(fields, job.spec.outputs, faults);
}

}  // namespace windlass::api
