// Brings an image onto this node: copies it (skopeo), checks it, unpacks it (umoci), makes it harmless, and only then
// lets it be known. Whatever it holds and wherever this is interrupted, nothing outside of the store's staging/ changes
// before the last rename. Blocking.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/time.h"
#include "worker/images/site_store.h"
#include "worker/images/tree.h"

namespace windlass::worker {

struct ImportSettings {
    TreeLimits limits;
    Seconds longest{1800};
    // Registries, as HOST[:PORT] or with the beginning of a path; "http:" before it: without TLS. Empty: no pulling.
    std::vector<std::string> pull;
    uid_t uid = 0;  // as root: whom the tools run as
    std::string skopeo = "/usr/bin/skopeo";
    std::string umoci = "/usr/bin/umoci";
};

// Where an image comes from.
struct ImageSource {
    enum class Kind { archive, layout, directory, registry };
    Kind kind = Kind::archive;
    std::string path;       // of the first three; of a registry HOST/NAME…
    std::string reference;  // behind the path of an archive or a layout: which of its images; may be empty
};
// oci-archive:FILE[:REF], oci:DIR[:REF], dir:DIR, docker://HOST/NAME[:TAG|@DIGEST]. A colon may be part of the path, if
// there is such a file.
Result<ImageSource> parse_image_source(const std::string& text);
// The entry of `pull` that allows it.
const std::string* allowed_registry(const std::string& name, const std::vector<std::string>& pull);

// `digest`: the import fails unless it is this one; empty: any. What the node knows now.
Result<ImageRecord> import_image(const SiteStore& store, const std::string& name, const std::string& source,
                                 const std::string& digest, const ImportSettings& settings);

// `directory` is made absolute and free of links, and must be a directory. Nothing of it is copied.
Result<std::string> add_dataset(const SiteStore& store, const std::string& name, const std::string& directory);

}  // namespace windlass::worker
