// The handlers of /v1/images/, /v1/datasets/ and /api/environments/: site_things.cpp.
#pragma once

#include "api/call.h"

namespace windlass::api {

OrProblem<Reply> offered_images(const Call& call);
OrProblem<Reply> offered_datasets(const Call& call);
OrProblem<Reply> list_site_things(const Call& call);
OrProblem<Reply> put_site_image(const Call& call);
OrProblem<Reply> put_site_dataset(const Call& call);
OrProblem<Reply> delete_site_image(const Call& call);
OrProblem<Reply> delete_site_dataset(const Call& call);

}  // namespace windlass::api
