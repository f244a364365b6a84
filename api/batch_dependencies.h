// The names that items of one batch call each other by, as indexes; and what is wrong with them. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api/problem.h"
#include "api/submit_parser.h"

namespace windlass::api {

// Turns the names in `after` into problems or leaves them: an item that names an unknown or ambiguous item, itself, or
// goes round in a circle (one such circle is named in the error) becomes a problem, and so does every item that waits,
// directly or not, for one that is a problem. Time and memory are linear in items and dependencies, and nothing
// recurses.
// Gives, for each item that is still a job, the number of the item behind each entry of its `after` (nullopt: by id).
using DependencyIndexes = std::vector<std::vector<std::optional<std::size_t>>>;
DependencyIndexes resolve_names(std::vector<OrProblem<SubmittedJob>>& items);

// Makes a problem of every item that waits for one that is a problem.
void refuse_dependants(std::vector<OrProblem<SubmittedJob>>& items, const DependencyIndexes& indexes);

}  // namespace windlass::api
