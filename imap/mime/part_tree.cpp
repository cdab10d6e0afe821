#include "imap/mime/part_tree.h"

#include "imap/mime/header.h"

#include <algorithm>
#include <string>

namespace cpm::imap::mime {

namespace {

constexpr std::uint64_t kPartHeader = 64 * 1024;    // of one part; longer ones are cut
constexpr std::uint64_t kAllHeaders = 1024 * 1024;  // of all of them
constexpr std::size_t kMostParts = 2000;

class Tree {
 public:
  Tree(const PartMap& map, ByteSource& source, const Limits& limits)
      : entries_(map.entries()), source_(source), room_(std::min<std::uint64_t>(kAllHeaders, limits.header_octets)) {}

  Part make(std::size_t index) {
    const PartMap::Entry& entry = entries_[index];
    Part part;
    part.kind = entry.kind;
    part.head = entry.head;
    part.header_begin = entry.header.begin;
    part.header_end = entry.header.end;
    part.body_begin = entry.body.begin;
    part.body_end = entry.body.end;
    part.lines = entry.lines;
    part.encoding = entry.encoding;
    const std::string header = read(entry.header);
    read_part_fields(header, part);
    // The map knows as what the part is to be treated.
    const auto slash = entry.media_type.find('/');
    if (slash != std::string::npos && !part.is(entry.media_type.substr(0, slash), entry.media_type.substr(slash + 1))) {
      part.type = entry.media_type.substr(0, slash);
      part.subtype = entry.media_type.substr(slash + 1);
    }
    for (std::size_t child = index + 1; child < entry.next && made_ < kMostParts; child = entries_[child].next) {
      ++made_;
      part.children.push_back(make(child));
    }
    if (part.children.empty()) part.kind = Kind::leaf;
    return part;
  }

 private:
  std::string read(const OctetRange& range) {
    std::string block(static_cast<std::size_t>(std::min({range.size(), kPartHeader, room_})), '\0');
    room_ -= block.size();
    std::size_t filled = 0;
    while (filled < block.size()) {
      const std::size_t got = source_.read(range.begin + filled, block.data() + filled, block.size() - filled);
      if (got == 0) break;
      filled += got;
    }
    block.resize(filled);
    return block;
  }

  const std::vector<PartMap::Entry>& entries_;
  ByteSource& source_;
  std::uint64_t room_;
  std::size_t made_ = 0;
};

}  // namespace

void read_part_fields(std::string_view header, Part& part) {
  if (const auto field = find_field(header, "Content-Type")) {
    if (auto media = parse_media_type(field->value)) {
      part.type = std::move(media->type);
      part.subtype = std::move(media->subtype);
      part.parameters = std::move(media->parameters);
    }
  }
  if (const auto field = find_field(header, "Content-Disposition")) part.disposition = parse_disposition(field->value);
  if (const auto field = find_field(header, "Content-ID")) part.id = unfold(field->value);
  if (const auto field = find_field(header, "Content-Location")) part.location = unfold(field->value);
}

Part part_tree(const PartMap& map, ByteSource& source, const Limits& limits) {
  if (map.entries().empty()) return {};
  return Tree(map, source, limits).make(0);
}

}  // namespace cpm::imap::mime
