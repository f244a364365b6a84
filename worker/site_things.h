// What this node has of the site, as the worker sees it: what it offers to the scheduler, and what a job that names an
// image or data sets gets. Reads the store (images/site_store.h) anew for each job, a few small files. One thread.
#pragma once

#include <map>
#include <string>

#include "shared/job.h"
#include "worker/images/site_store.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker {

struct SiteOffers {
    std::map<std::string, std::string> images;    // name -> digest
    std::map<std::string, std::string> datasets;  // name -> nothing: a data set has no digest

    bool operator==(const SiteOffers&) const = default;
};

class SiteThings {
  public:
    explicit SiteThings(SiteStore store) : store_(std::move(store)) {}

    // What cannot be read is not offered, and said in the log.
    SiteOffers offers() const;

    // The image and the data sets that a job names, for its box, the argv of which ends with its running_commands: if
    // they are empty, it becomes the entry point of the image. The descriptor is to be kept while the box exists: the
    // image is not removed meanwhile.
    //   not_found  it was removed since the job was leased
    //   invalid    the image has no entry point and the job no commands
    Result<FileDescriptor> fit_out(const std::string& image, const std::vector<std::string>& datasets,
                                   BoxSpec& box) const;

    const SiteStore& store() const { return store_; }

  private:
    SiteStore store_;
};

}  // namespace windlass::worker
