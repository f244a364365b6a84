#include "worker/site_things.h"

#include <fmt/format.h>

#include "shared/log.h"

namespace windlass::worker {

SiteOffers SiteThings::offers() const {
    SiteOffers offers;
    const auto index = store_.index();
    if (!index) {
        log::error("images and data sets are not offered: {}", index.error().message);
        return offers;
    }
    offers.images = index->images;
    for (const auto& [name, directory] : index->datasets) offers.datasets.emplace(name, "");
    return offers;
}

Result<FileDescriptor> SiteThings::fit_out(const std::string& image_name, const std::vector<std::string>& datasets,
                                           BoxSpec& box) const {
    FileDescriptor in_use;
    if (!datasets.empty()) {
        WINDLASS_TRY(const SiteIndex index, store_.index());
        for (const std::string& name : datasets) {
            const auto found = index.datasets.find(name);
            if (found == index.datasets.end())
                return make_error(ErrorKind::not_found,
                                  fmt::format("this worker has no data set named \"{}\" any more", name));
            box.datasets.push_back({name, found->second});
        }
    }
    if (image_name.empty()) return in_use;
    WINDLASS_TRY(OpenImage image, store_.open_image(image_name));
    ImageRecord& record = image.record;
    if (box.argv.back().empty()) {
        if (record.config.entry_point.empty())
            return make_error(
                ErrorKind::invalid,
                fmt::format("the image \"{}\" has no entry point, and the job no running_commands", image_name));
        box.argv = std::move(record.config.entry_point);
        if (!record.config.working_directory.empty()) box.start_directory = record.config.working_directory;
    }
    box.first_choice.clear();  // it was thought of for the shell of this machine
    box.image = BoxImage{std::move(image.root_directory), std::move(record.user.passwd), std::move(record.user.group),
                         std::move(record.user.home), std::move(record.config.env)};
    in_use = std::move(image.in_use);
    return in_use;
}

}  // namespace windlass::worker
