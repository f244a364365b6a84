// The rows of a batch, but those of store_postgres_columns.h, as JSON arrays of objects, one parameter for
// json_to_recordset. Internal to the PostgreSQL store.
#pragma once

#include <string>
#include <vector>

#include "scheduler/store_particulars.h"

namespace windlass::scheduler {

// Several texts when one would be very long: each becomes a statement of its own in the same transaction. Bytes stand
// in it as hexadecimal digits.
using JsonPieces = std::vector<std::string>;

JsonPieces json_of(const std::vector<WorkerRecord>& workers);
JsonPieces json_of(const std::vector<Blob>& blobs);
JsonPieces json_of(const std::vector<JobRecord>& jobs);
JsonPieces json_of(const std::vector<MemberRecord>& members);
JsonPieces json_of(const std::vector<ChangeArray>& arrays);
JsonPieces json_of(const std::vector<ParamsRow>& params);
JsonPieces json_of(const std::vector<TagRow>& tags);
JsonPieces json_of(const std::vector<DependencyRow>& dependencies);
JsonPieces json_of(const std::vector<ScheduleRow>& schedules);
JsonPieces json_of(const std::vector<BlobUse>& uses);
JsonPieces json_of(const std::vector<ResultBlob>& blobs);
JsonPieces json_of(const std::vector<StoreQueue>& queues);
JsonPieces json_of(const std::vector<DropQueue>& queues);
JsonPieces json_of(const std::vector<StoreDraining>& draining);
JsonPieces json_of(const std::vector<AddUsage>& usage);
JsonPieces json_of(const std::vector<KeyRecord>& keys);
JsonPieces json_of(const std::vector<OutputChunk>& output);

}  // namespace windlass::scheduler
