// The tree of a message made again from its stored part map: only headers are read, never bodies.
// Runs on: the thread of the ByteSource.
#pragma once

#include "base/byte_source.h"
#include "base/limits.h"
#include "imap/mime/part_map.h"
#include "imap/mime/structure.h"

namespace cpm::imap::mime {

// As parse_structure() would give it, but without envelopes, descriptions and other fields that only BODYSTRUCTURE
// needs.
[[nodiscard]] Part part_tree(const PartMap& map, ByteSource& source, const Limits& limits);

// The fields of a part's header that say what it is.
void read_part_fields(std::string_view header, Part& part);

}  // namespace cpm::imap::mime
