// What this node has of the site's: images as root file systems, and the directories of data sets. One directory:
//     site.json          the names: of images with their digests, of data sets with their directories
//     images/HEX/root    the root file system of the image with this digest; never changed once it is here
//     images/HEX/image.json
//     staging/           what is being imported or removed; whatever lies here when nobody holds the lock is rubbish
//     lock               held (flock) by whoever changes something
// Every change is one rename at the end, so a crash at any moment leaves what was there before, and rubbish that the
// next change clears away. Readers (the worker) need no lock: site.json is replaced as a whole, an image is complete
// before its name is there. An image in use is locked (flock, shared, on its image.json) and removed only later.
// Blocking; the worker reads it when it changed, `windlass-site` changes it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "shared/result.h"
#include "worker/file_descriptor.h"
#include "worker/images/image_config.h"

namespace windlass::worker {

struct SiteIndex {
    std::map<std::string, std::string> images;    // name -> digest, "sha256:" and 64 digits
    std::map<std::string, std::string> datasets;  // name -> directory

    bool operator==(const SiteIndex&) const = default;
};

// An image as a job needs it. Whoever has this has the image: it is not removed meanwhile.
struct OpenImage {
    ImageRecord record;
    std::string root_directory;  // absolute, without links
    FileDescriptor in_use;
};

class SiteStore {
  public:
    explicit SiteStore(std::string directory) : directory_(std::move(directory)) {}
    const std::string& directory() const { return directory_; }

    // Makes the directories (0700) if they are not there.
    Status prepare() const;
    // Nothing there yet: empty.
    Result<SiteIndex> index() const;
    // By its name. not_found: there is none of this name (any more).
    Result<OpenImage> open_image(const std::string& name) const;
    Result<ImageRecord> record(const std::string& digest) const;

    // Whoever changes something holds this. conflict: somebody else does.
    class Change {
      public:
        const SiteStore& store() const { return store_; }
        // A new empty directory in staging.
        Result<std::string> stage();
        // `staged`/root becomes the image `name`. An image of the same digest that is here already is taken instead.
        Status keep_image(const std::string& name, const std::string& staged, const ImageRecord& record);
        Status remove_image(const std::string& name);  // not_found
        Status keep_dataset(const std::string& name, const std::string& directory);
        Status remove_dataset(const std::string& name);  // not_found
        // Rubbish of crashes, images without a name that nobody uses. Failures are left for the next time.
        void sweep();

      private:
        friend class SiteStore;
        Change(const SiteStore& store, FileDescriptor lock) : store_(store), lock_(std::move(lock)) {}
        Status write_index(const SiteIndex& index);

        const SiteStore& store_;
        FileDescriptor lock_;
    };
    // Sweeps first. The store must outlive it.
    Result<Change> change() const;

  private:
    std::string images() const { return directory_ + "/images"; }
    std::string staging() const { return directory_ + "/staging"; }

    std::string directory_;
};

bool is_digest(std::string_view text);  // "sha256:" and 64 digits, lower case

}  // namespace windlass::worker
