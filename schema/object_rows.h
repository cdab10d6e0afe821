// How facts of CPM objects travel to the database: the parameter p_objects of cpm_objects_insert_v1. Not for other
// layers. Runs on: db thread.
#pragma once

#include "schema/append.h"

#include <optional>
#include <span>
#include <string>

namespace cpm::schema {

// An array of JSON objects, one for each CPM object among the messages; nothing when there is none.
[[nodiscard]] std::optional<std::string> object_rows(std::span<const StagedMessage> messages);

// The columns of one of them, `number` of its deposit.
[[nodiscard]] std::string object_row(const ObjectFacts& facts, ContentId content, std::size_t number);

// The facts that stand in content_head: an element of p_heads of cpm_objects_renew_v1.
[[nodiscard]] std::string head_row(const ObjectFacts& facts, ContentId content, std::optional<std::int64_t> thread);

}  // namespace cpm::schema
