// Fuzz target: a message in, every derived form out. Ranges and maps must stay consistent whatever the octets.
#include "base/byte_source.h"
#include "imap/mime/bodystructure.h"
#include "imap/mime/charset.h"
#include "imap/mime/header.h"
#include "imap/mime/part_map.h"
#include "imap/mime/search_text.h"
#include "imap/mime/structure.h"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace cpm;
using namespace cpm::imap::mime;

void require(bool holds) {
  if (!holds) std::abort();
}

// What a database column of type text takes.
bool is_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && to_utf8(text, "utf-8") == text;
}

void check(const Part& part, std::uint64_t begin, std::uint64_t end) {
  require(begin <= part.header_begin && part.header_begin <= part.header_end && part.header_end == part.body_begin &&
          part.body_begin <= part.body_end && part.body_end <= end);
  std::uint64_t from = part.body_begin;
  for (const auto& child : part.children) {
    check(child, from, part.body_end);
    from = child.body_end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  MemorySource source(octets);
  const Part part = parse_structure(source, {});
  require(part.body_end == size);
  check(part, 0, size);

  const PartMap map = PartMap::from(part);
  const auto decoded = PartMap::decode(map.encode());
  require(decoded.has_value() && *decoded == map);
  const auto arbitrary = PartMap::decode(octets);
  if (arbitrary) require(PartMap::decode(arbitrary->encode()).has_value());

  require(!body_structure_bytes(part, true).empty() && !body_structure_bytes(part, false).empty());
  const std::string_view header = octets.substr(0, part.header_end);
  require(!envelope_bytes(parse_envelope(header)).empty());
  require(is_text(header_text(header)));
  const auto date = header_date(header);
  require(!date || parse_date(find_field(header, "date")->value).has_value());

  const auto text = body_text(source, map, 1 << 16);
  require(is_text(text.text));
  if (text.complete) require(body_contains(source, map, text.text));
  return 0;
}
