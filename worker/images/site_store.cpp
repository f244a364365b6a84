#include "worker/images/site_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "shared/digest.h"
#include "shared/json.h"
#include "shared/site_names.h"
#include "worker/images/tree.h"

namespace windlass::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_bytes = 16U << 20U;  // of site.json or an image.json
constexpr std::string_view digest_prefix = "sha256:";

std::string hex_of(const std::string& digest) {
    return digest.substr(digest_prefix.size());
}

// not_found: it is not there.
Result<std::string> read_small_file(const std::string& path) {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) {
        if (errno == ENOENT) return make_error(ErrorKind::not_found, path + " is not there");
        return errno_error("opening " + path, errno);
    }
    std::string text(most_bytes, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = read(file.get(), text.data() + size, text.size() - size);
        if (got < 0) return errno_error("reading " + path, errno);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

Status sync_directory(const std::string& path) {
    const FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || fsync(directory.get()) != 0) return errno_error("writing " + path + " to the disk", errno);
    return {};
}

// Whole and on the disk, or not there at all.
Status write_file(const std::string& path, const std::string& text) {
    const std::string before = path + ".new";
    const FileDescriptor file(open(before.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return errno_error("making " + before, errno);
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t put = write(file.get(), text.data() + at, text.size() - at);
        if (put < 0) return errno_error("writing " + before, errno);
        at += static_cast<std::size_t>(put);
    }
    if (fsync(file.get()) != 0) return errno_error("writing " + before, errno);
    if (rename(before.c_str(), path.c_str()) != 0) return errno_error("renaming " + before, errno);
    return sync_directory(fs::path(path).parent_path());
}

Status read_names(const rapidjson::Value& object, const char* key, std::map<std::string, std::string>& names) {
    const auto found = object.FindMember(key);
    if (found == object.MemberEnd()) return {};
    if (!found->value.IsObject()) return make_error(ErrorKind::internal, fmt::format("{} is no object", key));
    for (const auto& entry : found->value.GetObject()) {
        const std::string name(text_of(entry.name));
        if (!fault_of_site_name(name).empty() || !entry.value.IsString())
            return make_error(ErrorKind::internal, fmt::format("{} holds what cannot be", key));
        names.emplace(name, text_of(entry.value));
    }
    return {};
}

Error no_such(std::string_view what, const std::string& name) {
    return make_error(ErrorKind::not_found, fmt::format("this node has no {} named \"{}\"", what, name));
}

}  // namespace

bool is_digest(std::string_view text) {
    if (!text.starts_with(digest_prefix) || text.size() != digest_prefix.size() + 64) return false;
    text.remove_prefix(digest_prefix.size());
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Status SiteStore::prepare() const {
    for (const std::string& path : {directory_, images(), staging()}) {
        std::error_code error;
        fs::create_directories(path, error);
        if (error) return errno_error("making " + path, error.value());
        if (chmod(path.c_str(), 0700) != 0) return errno_error("making " + path + " private", errno);
    }
    return {};
}

Result<SiteIndex> SiteStore::index() const {
    const std::string path = directory_ + "/site.json";
    const auto text = read_small_file(path);
    if (!text && text.error().kind == ErrorKind::not_found) return SiteIndex{};
    if (!text) return text.error();
    const auto document = parse_json(*text);
    if (!document || !document->IsObject())
        return make_error(ErrorKind::internal, path + " is damaged: import the images again");
    SiteIndex index;
    WINDLASS_TRY_STATUS(read_names(*document, "images", index.images));
    WINDLASS_TRY_STATUS(read_names(*document, "datasets", index.datasets));
    for (const auto& [name, digest] : index.images)
        if (!is_digest(digest)) return make_error(ErrorKind::internal, path + " is damaged: it holds a bad digest");
    return index;
}

Result<ImageRecord> SiteStore::record(const std::string& digest) const {
    WINDLASS_TRY(const std::string text, read_small_file(images() + "/" + hex_of(digest) + "/image.json"));
    return parse_image_record(text);
}

Result<OpenImage> SiteStore::open_image(const std::string& name) const {
    WINDLASS_TRY(const SiteIndex all, index());
    const auto found = all.images.find(name);
    if (found == all.images.end()) return no_such("image", name);
    OpenImage image;
    std::error_code error;
    const std::string place = fs::canonical(images() + "/" + hex_of(found->second), error);
    if (error) return no_such("image", name);
    image.in_use.reset(open((place + "/image.json").c_str(), O_RDONLY | O_CLOEXEC));
    if (!image.in_use || flock(image.in_use.get(), LOCK_SH | LOCK_NB) != 0) return no_such("image", name);
    WINDLASS_TRY(image.record, record(found->second));
    image.root_directory = place + "/root";
    return image;
}

Result<SiteStore::Change> SiteStore::change() const {
    WINDLASS_TRY_STATUS(prepare());
    const std::string path = directory_ + "/lock";
    FileDescriptor lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock) return errno_error("opening " + path, errno);
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return make_error(ErrorKind::conflict,
                          "somebody else is changing the images or data sets of this node; try again when it is done");
    Change change(*this, std::move(lock));
    change.sweep();
    return change;
}

Result<std::string> SiteStore::Change::stage() {
    const std::string path = store_.staging() + "/" + random_hex(8);
    if (mkdir(path.c_str(), 0700) != 0) return errno_error("making " + path, errno);
    return path;
}

Status SiteStore::Change::write_index(const SiteIndex& index) {
    const std::string text = fmt::format("{{\"images\":{},\"datasets\":{}}}\n", json_object_of(index.images),
                                         json_object_of(index.datasets));
    return write_file(store_.directory_ + "/site.json", text);
}

Status SiteStore::Change::keep_image(const std::string& name, const std::string& staged, const ImageRecord& record) {
    WINDLASS_TRY(SiteIndex index, store_.index());
    const std::string place = store_.images() + "/" + hex_of(record.digest);
    if (!fs::exists(place + "/image.json")) {
        const std::string complete = staged + "/complete";
        if (mkdir(complete.c_str(), 0700) != 0) return errno_error("making " + complete, errno);
        if (rename((staged + "/root").c_str(), (complete + "/root").c_str()) != 0)
            return errno_error("moving the image", errno);
        WINDLASS_TRY_STATUS(write_file(complete + "/image.json", to_json(record)));
        WINDLASS_TRY(const FileDescriptor directory, open_directory(complete));
        if (syncfs(directory.get()) != 0) return errno_error("writing the image to the disk", errno);
        if (rename(complete.c_str(), place.c_str()) != 0) return errno_error("moving the image", errno);
        WINDLASS_TRY_STATUS(sync_directory(store_.images()));
    }
    index.images[name] = record.digest;
    WINDLASS_TRY_STATUS(write_index(index));
    sweep();
    return {};
}

Status SiteStore::Change::remove_image(const std::string& name) {
    WINDLASS_TRY(SiteIndex index, store_.index());
    if (index.images.erase(name) == 0) return no_such("image", name);
    WINDLASS_TRY_STATUS(write_index(index));
    sweep();
    return {};
}

Status SiteStore::Change::keep_dataset(const std::string& name, const std::string& directory) {
    WINDLASS_TRY(SiteIndex index, store_.index());
    index.datasets[name] = directory;
    return write_index(index);
}

Status SiteStore::Change::remove_dataset(const std::string& name) {
    WINDLASS_TRY(SiteIndex index, store_.index());
    if (index.datasets.erase(name) == 0) return no_such("data set", name);
    return write_index(index);
}

void SiteStore::Change::sweep() {
    const auto index = store_.index();
    if (!index) return;  // it does not say what is rubbish
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(store_.images(), error)) {
        const std::string hex = entry.path().filename();
        const bool named = std::any_of(index->images.begin(), index->images.end(),
                                       [&](const auto& image) { return hex_of(image.second) == hex; });
        if (named) continue;
        const FileDescriptor in_use(open((entry.path() / "image.json").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (in_use && flock(in_use.get(), LOCK_EX | LOCK_NB) != 0) continue;  // a job runs in it
        // Out of sight at once: a crash in the middle of removing must leave no half image.
        if (rename(entry.path().c_str(), (store_.staging() + "/" + random_hex(8)).c_str()) != 0) continue;
    }
    const FileDescriptor staging(open(store_.staging().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!staging) return;
    for (const auto& entry : fs::directory_iterator(store_.staging(), error)) {
        const Status ignored = remove_tree(staging.get(), entry.path().filename());
    }
}

}  // namespace windlass::worker
