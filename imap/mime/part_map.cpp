#include "imap/mime/part_map.h"

#include "imap/mime/header.h"

namespace cpm::imap::mime {

namespace {

constexpr std::size_t kMaxCharset = 64;  // longer names are none

void add(std::vector<PartMap::Entry>& entries, const Part& part, std::uint32_t parent) {
  const auto index = static_cast<std::uint32_t>(entries.size());
  PartMap::Entry entry;
  entry.kind = part.kind;
  entry.head = part.head;
  entry.encoding = part.encoding;
  entry.header = {part.header_begin, part.header_end};
  entry.body = {part.body_begin, part.body_end};
  entry.lines = part.lines;
  entry.media_type = ascii_lower(part.type) + '/' + ascii_lower(part.subtype);
  if (part.kind == Kind::leaf) {
    const auto charset = parameter(part.parameters, "charset");
    if (charset && charset->size() <= kMaxCharset) entry.charset = ascii_lower(*charset);
  }
  entry.parent = parent;
  entry.children = static_cast<std::uint32_t>(part.children.size());
  entries.push_back(std::move(entry));
  for (const auto& child : part.children) add(entries, child, index);
  entries[index].next = static_cast<std::uint32_t>(entries.size());
}

}  // namespace

PartMap PartMap::from(const Part& message) {
  PartMap map;
  add(map.entries_, message, 0);
  return map;
}

const PartMap::Entry* PartMap::find(std::span<const std::uint32_t> path) const {
  if (entries_.empty()) return nullptr;
  const Entry* at = &entries_[0];
  bool inside_message = true;  // `at` is a head whose own part number has not been used up
  for (const std::uint32_t number : path) {
    if (number == 0) return nullptr;
    if (!inside_message && at->kind == Kind::message) {
      at = nested_message(*at);
      inside_message = true;
    }
    if (at->kind == Kind::multipart) {
      if (number > at->children) return nullptr;
      auto child = static_cast<std::size_t>(at - entries_.data()) + 1;
      for (std::uint32_t i = 1; i < number; ++i) child = entries_[child].next;
      at = &entries_[child];
    } else if (!inside_message || number != 1) {
      return nullptr;
    }
    inside_message = false;
  }
  return at;
}

const PartMap::Entry* PartMap::nested_message(const Entry& part) const {
  return part.kind == Kind::message ? &part + 1 : nullptr;
}

std::optional<OctetRange> PartMap::resolve(std::span<const std::uint32_t> path, SectionText text) const {
  const Entry* part = find(path);
  if (part == nullptr) return std::nullopt;
  const bool whole_message = path.empty();
  const Entry* message = whole_message ? part : nested_message(*part);
  switch (text) {
    case SectionText::whole: return whole_message ? OctetRange{part->header.begin, part->body.end} : part->body;
    case SectionText::mime:
      if (whole_message) return std::nullopt;
      return part->header;
    case SectionText::header:
      if (message == nullptr) return std::nullopt;
      return message->header;
    case SectionText::text:
      if (message == nullptr) return std::nullopt;
      return message->body;
  }
  return std::nullopt;
}

std::string encode(const Part& message) { return PartMap::from(message).encode(); }

}  // namespace cpm::imap::mime
