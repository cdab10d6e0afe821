// The part map: what FETCH, BINARY and SEARCH need of a Part tree, in some dozens of octets, stored beside the message,
// so that a section becomes an octet range without reading the message again. Format: docs/format-part-map.md.
// Runs on: any thread. A value type.
#pragma once

#include "base/result.h"
#include "imap/mime/structure.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::mime {

struct OctetRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  [[nodiscard]] std::uint64_t size() const { return end - begin; }
  bool operator==(const OctetRange&) const = default;
};

enum class SectionText : std::uint8_t {
  whole,   // BODY[] and BODY[n]
  header,  // HEADER, HEADER.FIELDS: of the message, or of a message/rfc822 part
  text,    // TEXT: likewise
  mime,    // n.MIME
};

class PartMap {
 public:
  struct Entry {
    Kind kind = Kind::leaf;
    bool head = false;
    Encoding encoding = Encoding::identity;
    OctetRange header;
    OctetRange body;
    std::uint64_t lines = 0;
    std::string media_type;    // lower case, "text/plain"
    std::string charset;       // lower case, empty if not given
    std::uint32_t parent = 0;  // index in entries(); the first entry is its own
    std::uint32_t children = 0;
    std::uint32_t next = 0;  // index behind the last descendant

    bool operator==(const Entry&) const = default;
  };

  [[nodiscard]] static PartMap from(const Part& message);
  [[nodiscard]] std::string encode() const;
  // Failure::corrupt for anything that encode() cannot have made; never reads out of bounds.
  [[nodiscard]] static Result<PartMap> decode(std::string_view bytes);

  // Pre-order; never empty unless default constructed. Children of i: i + 1, then each `next`.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

  // Part by its section number ({4,2} for "4.2"); the empty path is the message itself. nullptr: there is no such part.
  // Part 1 of a message that is no multipart is its head entry.
  [[nodiscard]] const Entry* find(std::span<const std::uint32_t> path) const;

  // The head entry of the message in a message/rfc822 part; nullptr for other parts.
  [[nodiscard]] const Entry* nested_message(const Entry& part) const;

  // The octets of a section; nullopt if it does not exist (HEADER or TEXT of what is no message, MIME of no part):
  // FETCH then answers NIL.
  [[nodiscard]] std::optional<OctetRange> resolve(std::span<const std::uint32_t> path, SectionText text) const;

  bool operator==(const PartMap&) const = default;

 private:
  std::vector<Entry> entries_;
};

// PartMap::from(message).encode()
[[nodiscard]] std::string encode(const Part& message);

}  // namespace cpm::imap::mime
