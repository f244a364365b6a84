#include "api/images/thumbnail_job.h"

#include <fmt/format.h>

#include "shared/job.h"
#include "shared/limits.h"

namespace windlass::api {
namespace {

// What libjpeg can write.
constexpr std::int64_t widest = 65'500;
// libvips, its libraries and the strips of the image that it holds at a time.
constexpr std::int64_t base_memory_bytes = 256 * mebibyte;
// Four samples of 16 bits.
constexpr std::int64_t most_pixel_bytes = 8;

// What the input, the thumbnail and what libvips writes beside them may occupy.
std::int64_t disk_bytes(const ThumbnailOrder& order) {
    return 16 * mebibyte + order.size_bytes + order.width * order.height * 4;
}

std::int64_t memory_bytes(const ThumbnailOrder& order) {
    const std::int64_t whole = order.facts.heavy ? order.facts.width * order.facts.height * most_pixel_bytes : 0;
    return base_memory_bytes + whole + disk_bytes(order);
}

}  // namespace

protocol::SubmitJobs thumbnail_submit(const ThumbnailOrder& order, const Config::Api& settings) {
    const auto suffix = suffix_of(order.facts.media);
    const auto input = fmt::format("image.{}", suffix);
    const std::string_view options = order.facts.media == Media::jpeg ? "[strip,Q=85]" : "[strip]";
    protocol::SubmitItem item;
    JobSpec& spec = item.spec;
    spec.name = fmt::format("thumbnail {} of image {}", order.height, order.image.value);
    // Exactly this size ("!"), upright, in sRGB whatever it was in, and nothing of what the file said beside its
    // pixels.
    spec.running_commands = fmt::format("exec {} --size '{}x{}!' --export-profile srgb -o 'out/thumbnail.{}{}' {}",
                                        settings.thumbnail_command, order.width, order.height, suffix, options, input);
    spec.timeout = Seconds{settings.thumbnail_timeout_s};
    spec.limits.memory_bytes = memory_bytes(order);
    spec.limits.disk_bytes = disk_bytes(order);
    spec.limits.processes = 64;
    spec.limits.output_bytes = 64 * kibibyte;
    spec.files = {{input, order.sha256}};
    spec.required_labels = {{"vipsthumbnail", "yes"}};
    spec.queue = system_queue;
    spec.env = {{"VIPS_BLOCK_UNTRUSTED", "1"},  // no loader but those that are fuzzed: an image is what we say it is
                {"VIPS_CONCURRENCY", "1"},      // it has one core
                {"VIPS_DISC_THRESHOLD", "8g"},  // what lies on its disk lies in memory anyway
                {"VIPS_WARNING", "0"}};         // else a damaged image may say thousands of lines
    protocol::SubmitJobs submit;
    submit.owner = system_owner;
    submit.jobs.push_back(std::move(item));
    submit.route = "thumbnail";
    submit.key = fmt::format("{}.{}", order.id.value, order.tries);
    submit.body_sha256 = order.sha256;
    return submit;
}

std::vector<PlannedThumbnail> plan_thumbnails(const ImageFacts& facts, const std::vector<std::int64_t>& heights,
                                              const Config::Api& settings) {
    std::vector<PlannedThumbnail> plan;
    for (const std::int64_t height : heights) {
        PlannedThumbnail planned{height, thumbnail_width(facts.width, facts.height, height), {}};
        if (planned.width > widest || planned.width * height > settings.image_pixels)
            planned.refusal = fmt::format("It would be {} x {} pixels: too large.", planned.width, height);
        plan.push_back(std::move(planned));
    }
    return plan;
}

}  // namespace windlass::api
