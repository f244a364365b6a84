// Names of what a site puts onto its workers for jobs to use: images (root file systems) and data sets (read-only
// directories). Any text that can be one part of a path: an image or a data set named "Übung 3: Datenanalyse" works.
#pragma once

#include <string>
#include <string_view>

namespace windlass {

inline constexpr std::size_t most_site_name_bytes = 200;

// Why it cannot be a name, fit to go behind "the name …"; empty: it can.
std::string_view fault_of_site_name(std::string_view name);

// What the scheduler matches: a job with an image needs a worker with this label, and so for each data set. The value
// is site_label_value. Workers cannot be configured with labels that begin so. (only_label they can.)
inline constexpr std::string_view image_label_prefix = "image:";
inline constexpr std::string_view dataset_label_prefix = "dataset:";
inline constexpr std::string_view only_label = "only";  // only=NAME of a worker: jobs that require the label NAME alone
inline constexpr std::string_view site_label_value = "present";

}  // namespace windlass
