#include "worker/images/import.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "shared/digest.h"
#include "shared/json.h"
#include "shared/site_names.h"
#include "worker/images/confined.h"

namespace windlass::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_document_bytes = 4U << 20U;    // of a manifest or a configuration
constexpr std::size_t most_accounts_bytes = 256U << 10U;  // of the image's /etc/passwd

Error cannot(const std::string& why) {
    return make_error(ErrorKind::invalid, "the image cannot be imported: " + why);
}

// In the staged directory `work` of one import.
class Import {
  public:
    Import(std::string staged, const ImportSettings& settings)
        : staged_(std::move(staged)), work_(staged_ + "/work"), settings_(settings) {
        confinement_.directory = work_;
        confinement_.uid = settings.uid;
        // Beside the unpacked image there are its packed layers, and what they were copied from.
        confinement_.limits = {settings.limits.bytes * 3, settings.limits.files + 10'000};
        confinement_.deadline = SystemClock().now().steady + settings.longest;
    }

    Result<ImageRecord> take(const ImageSource& source) {
        if (mkdir(work_.c_str(), 0700) != 0) return errno_error("making " + work_, errno);
        if (source.kind == ImageSource::Kind::directory && !is_layer_directory(source.path))
            return take_tree(source.path);
        WINDLASS_TRY_STATUS(copy_layout(source));
        WINDLASS_TRY(ImageRecord record, read_manifest());
        WINDLASS_TRY_STATUS(unpack());
        return finish(std::move(record));
    }

  private:
    // As skopeo writes them, and not a root file system.
    static bool is_layer_directory(const std::string& path) {
        return fs::is_regular_file(path + "/manifest.json") && fs::is_regular_file(path + "/version");
    }

    Result<ImageRecord> take_tree(const std::string& path) {
        WINDLASS_TRY(const FileDescriptor from, open_directory(path));
        if (mkdir((staged_ + "/root").c_str(), 0755) != 0) return errno_error("making the image", errno);
        WINDLASS_TRY(const FileDescriptor to, open_directory(staged_ + "/root"));
        ImageRecord record;
        WINDLASS_TRY(const std::string hex, copy_tree(from.get(), to.get(), settings_.limits));
        record.digest = "sha256:" + hex;
        return finish(std::move(record));
    }

    // Into work/, and the tool's from then on.
    Result<std::string> bring(const ImageSource& source) {
        const std::string reference = source.reference.empty() ? "" : ":" + source.reference;
        if (source.kind == ImageSource::Kind::registry) return "docker://" + source.path;
        if (source.kind == ImageSource::Kind::archive) {
            std::error_code error;
            if (static_cast<std::int64_t>(fs::file_size(source.path, error)) > settings_.limits.bytes || error)
                return cannot(error ? source.path + ": " + error.message()
                                    : "the archive is larger than an image may be");
            fs::copy_file(source.path, work_ + "/source", error);
            if (error) return errno_error("copying " + source.path, error.value());
            return "oci-archive:source" + reference;
        }
        WINDLASS_TRY(const FileDescriptor from, open_directory(source.path));
        if (mkdir((work_ + "/source").c_str(), 0700) != 0) return errno_error("copying " + source.path, errno);
        WINDLASS_TRY(const FileDescriptor to, open_directory(work_ + "/source"));
        WINDLASS_TRY(const std::string ignored, copy_tree(from.get(), to.get(), settings_.limits));
        return (source.kind == ImageSource::Kind::layout ? "oci:source" : "dir:source") + reference;
    }

    Status copy_layout(const ImageSource& source) {
        WINDLASS_TRY(const std::string from, bring(source));
        std::ofstream(work_ + "/policy.json") << R"({"default": [{"type": "insecureAcceptAnything"}]})";
        WINDLASS_TRY_STATUS(give_away());
        confinement_.network = source.kind == ImageSource::Kind::registry;
        std::vector<std::string> argv = {settings_.skopeo, "--policy", "policy.json",        "--tmpdir", ".",
                                         "copy",           "--quiet",  "--remove-signatures"};
        if (confinement_.network) {
            const std::string* registry = allowed_registry(source.path, settings_.pull);
            if (registry != nullptr && registry->starts_with("http:")) argv.emplace_back("--src-tls-verify=false");
        }
        argv.insert(argv.end(), {from, "oci:layout:image"});
        WINDLASS_TRY(const std::string said, run_confined(argv, confinement_));
        confinement_.network = false;
        return {};
    }

    // Everything in work/ belongs to the user of the tools.
    Status give_away() const {
        if (geteuid() != 0) return {};
        std::error_code error;
        std::vector<std::string> paths = {work_};
        for (const auto& entry : fs::recursive_directory_iterator(work_, error)) paths.push_back(entry.path());
        for (const std::string& path : paths)
            if (lchown(path.c_str(), settings_.uid, settings_.uid) != 0) return errno_error("owning " + path, errno);
        return {};
    }

    // A document of the layout, whose hash must be its name.
    Result<std::string> document(const std::string& digest) const {
        if (!is_digest(digest)) return cannot("it names a part by something else than a SHA-256");
        WINDLASS_TRY(const FileDescriptor layout, open_directory(work_ + "/layout"));
        const std::string text = read_inside(layout.get(), "blobs/sha256/" + digest.substr(7), most_document_bytes);
        if (text.empty() || "sha256:" + sha256_hex(text) != digest)
            return cannot(digest + " is missing, too large, or not what it says it is");
        return text;
    }

    static Result<std::string> digest_in(const rapidjson::Value& object) {
        const auto digest = object.IsObject() ? object.FindMember("digest") : rapidjson::Value::ConstMemberIterator();
        if (!object.IsObject() || digest == object.MemberEnd() || !digest->value.IsString())
            return cannot("a descriptor has no digest");
        return std::string(text_of(digest->value));
    }

    Result<ImageRecord> read_manifest() const {
        WINDLASS_TRY(const FileDescriptor layout, open_directory(work_ + "/layout"));
        WINDLASS_TRY(const auto index, parse_json(read_inside(layout.get(), "index.json", most_document_bytes)));
        const auto* manifests = index.IsObject() && index.HasMember("manifests") ? &index["manifests"] : nullptr;
        if (manifests == nullptr || !manifests->IsArray() || manifests->Size() != 1)
            return cannot("it has no manifest");
        ImageRecord record;
        WINDLASS_TRY(record.digest, digest_in((*manifests)[0]));
        WINDLASS_TRY(const std::string text, document(record.digest));
        WINDLASS_TRY(const auto manifest, parse_json(text));
        if (!manifest.IsObject() || !manifest.HasMember("config")) return cannot("its manifest has no configuration");
        WINDLASS_TRY(const std::string config_digest, digest_in(manifest["config"]));
        WINDLASS_TRY(const std::string config, document(config_digest));
        WINDLASS_TRY(record.config, parse_oci_config(config));
        return record;
    }

    Status unpack() {
        WINDLASS_TRY(
            const std::string said,
            run_confined({settings_.umoci, "unpack", "--rootless", "--image", "layout:image", "bundle"}, confinement_));
        // The tool has ended with all that it started: nobody changes this any more.
        struct stat seen {};
        if (lstat((work_ + "/bundle").c_str(), &seen) != 0 || !S_ISDIR(seen.st_mode))
            return cannot("it was not unpacked");
        if (rename((work_ + "/bundle/rootfs").c_str(), (staged_ + "/root").c_str()) != 0)
            return errno_error("moving the unpacked image", errno);
        WINDLASS_TRY(const FileDescriptor staged, open_directory(staged_));
        return remove_tree(staged.get(), "work");
    }

    Result<ImageRecord> finish(ImageRecord record) const {
        struct stat seen {};
        const std::string path = staged_ + "/root";
        if (lstat(path.c_str(), &seen) != 0 || !S_ISDIR(seen.st_mode)) return cannot("its root is no directory");
        WINDLASS_TRY(const FileDescriptor root, open_directory(path));
        WINDLASS_TRY_STATUS(make_harmless(root.get()));
        const TreeSize size = measure_tree(root.get(), settings_.limits);
        if (const auto fault = beyond(size, settings_.limits); !fault.empty()) return cannot(fault);
        record.bytes = size.bytes;
        record.files = size.files;
        record.user = image_user(record.config.user, read_inside(root.get(), "/etc/passwd", most_accounts_bytes),
                                 read_inside(root.get(), "/etc/group", most_accounts_bytes));
        if (!record.config.working_directory.empty()) make_path_inside(root.get(), record.config.working_directory);
        return record;
    }

    const std::string staged_;
    const std::string work_;
    const ImportSettings& settings_;
    Confinement confinement_;
};

Status check_tools(const ImageSource& source, const ImportSettings& settings) {
    if (source.kind == ImageSource::Kind::registry && allowed_registry(source.path, settings.pull) == nullptr)
        return make_error(ErrorKind::denied,
                          fmt::format("pulling {} is not allowed on this node; its operator names registries in "
                                      "worker.image_pull",
                                      source.path));
    for (const std::string& tool : {settings.skopeo, settings.umoci})
        if (access(tool.c_str(), X_OK) != 0)
            return make_error(ErrorKind::unavailable, tool + " is missing: apt-get install skopeo umoci");
    return {};
}

}  // namespace

Result<ImageSource> parse_image_source(const std::string& text) {
    using Kind = ImageSource::Kind;
    const auto with_reference = [](Kind kind, const std::string& rest) {
        const std::size_t colon = rest.rfind(':');
        std::error_code ignored;
        if (colon == std::string::npos || fs::exists(rest, ignored)) return ImageSource{kind, rest, ""};
        return ImageSource{kind, rest.substr(0, colon), rest.substr(colon + 1)};
    };
    ImageSource source;
    if (text.starts_with("oci-archive:")) {
        source = with_reference(Kind::archive, text.substr(12));
    } else if (text.starts_with("docker://")) {
        source = {Kind::registry, text.substr(9), ""};
    } else if (text.starts_with("oci:")) {
        source = with_reference(Kind::layout, text.substr(4));
    } else if (text.starts_with("dir:")) {
        source = {Kind::directory, text.substr(4), ""};
    }
    if (source.path.empty() || source.path.find('\0') != std::string::npos)
        return make_error(ErrorKind::invalid,
                          fmt::format("'{}' is none of oci-archive:FILE, oci:DIRECTORY, dir:DIRECTORY, "
                                      "docker://HOST/NAME:TAG",
                                      text));
    return source;
}

const std::string* allowed_registry(const std::string& name, const std::vector<std::string>& pull) {
    const auto found = std::find_if(pull.begin(), pull.end(), [&](const std::string& entry) {
        const std::string_view beginning = std::string_view(entry).substr(entry.starts_with("http:") ? 5 : 0);
        if (beginning.empty() || !name.starts_with(beginning)) return false;
        const char next = name.size() == beginning.size() ? '/' : name[beginning.size()];
        return beginning.ends_with('/') || next == '/' ||
               (beginning.find('/') != std::string_view::npos && (next == ':' || next == '@'));
    });
    return found == pull.end() ? nullptr : &*found;
}

Result<ImageRecord> import_image(const SiteStore& store, const std::string& name, const std::string& source_text,
                                 const std::string& digest, const ImportSettings& settings) {
    if (const auto fault = fault_of_site_name(name); !fault.empty())
        return make_error(ErrorKind::invalid, fmt::format("the name of an image {}", fault));
    if (!digest.empty() && !is_digest(digest))
        return make_error(ErrorKind::invalid, "a digest is sha256: and 64 digits in lower case");
    WINDLASS_TRY(const ImageSource source, parse_image_source(source_text));
    WINDLASS_TRY_STATUS(check_tools(source, settings));
    WINDLASS_TRY(SiteStore::Change change, store.change());
    WINDLASS_TRY(const std::string staged, change.stage());
    auto record = Import(staged, settings).take(source);
    if (!record) {
        change.sweep();
        return record;
    }
    if (!digest.empty() && record->digest != digest) {
        change.sweep();
        return cannot(fmt::format("its digest is {}, not {}", record->digest, digest));
    }
    record->source = source_text;
    WINDLASS_TRY_STATUS(change.keep_image(name, staged, *record));
    return record;
}

Result<std::string> add_dataset(const SiteStore& store, const std::string& name, const std::string& directory) {
    if (const auto fault = fault_of_site_name(name); !fault.empty())
        return make_error(ErrorKind::invalid, fmt::format("the name of a data set {}", fault));
    std::error_code error;
    const fs::path place = fs::canonical(directory, error);
    if (error || !fs::is_directory(place, error))
        return make_error(ErrorKind::invalid, fmt::format("{} is no directory", directory));
    if (place == "/" || place.string().starts_with(fs::weakly_canonical(store.directory(), error).string()))
        return make_error(ErrorKind::invalid, fmt::format("{} cannot be a data set", place.string()));
    WINDLASS_TRY(SiteStore::Change change, store.change());
    WINDLASS_TRY_STATUS(change.keep_dataset(name, place));
    return place.string();
}

}  // namespace windlass::worker
