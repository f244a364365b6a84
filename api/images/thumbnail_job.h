// The job that makes one thumbnail, as a submit to the scheduler. Pure.
//
// It is a job like any other, of the site itself (system_owner, system_queue): in the sandbox, without a network, with
// limits that follow from the size of the image. Only workers that have the program get it (label vipsthumbnail).
#pragma once

#include <vector>

#include "api/images/images_repository.h"
#include "shared/config.h"
#include "shared/protocol.h"

namespace windlass::api {

// Whoever asks twice for the same try of the same thumbnail gets the same job.
protocol::SubmitJobs thumbnail_submit(const ThumbnailOrder& order, const Config::Api& settings);

// The thumbnails of these heights that an image is to have. Those that could not be made (too wide for their format or
// for the site's limit of pixels, as a drawing pin of 10,000 by 1 would be) carry the reason.
std::vector<PlannedThumbnail> plan_thumbnails(const ImageFacts& facts, const std::vector<std::int64_t>& heights,
                                              const Config::Api& settings);

}  // namespace windlass::api
