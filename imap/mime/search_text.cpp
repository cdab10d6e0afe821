#include "imap/mime/search_text.h"

#include "imap/mime/casemap.h"
#include "imap/mime/charset.h"
#include "imap/mime/decode.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace cpm::imap::mime {

namespace {

// A header of a nested message beyond this is not searched in the body text.
constexpr std::uint64_t kMaxNestedHeader = 1 << 20;

constexpr std::size_t kSearchBatch = 64 * 1024;

bool is_textual(const PartMap::Entry& part) {
  static constexpr std::array<std::string_view, 9> kTypes = {"application/xml",
                                                             "application/json",
                                                             "application/sdp",
                                                             "application/javascript",
                                                             "application/ecmascript",
                                                             "application/x-cpm-session",
                                                             "application/x-cpm-file-transfer",
                                                             "application/vnd.oma.cpm-eventfw",
                                                             "application/x-yaml"};
  const std::string_view type = part.media_type;
  return type.starts_with("text/") || type.starts_with("message/") || type.ends_with("+xml") ||
         type.ends_with("+json") || std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

// At most `limit` octets of a header block.
std::string read_header(ByteSource& source, const OctetRange& range, std::uint64_t limit) {
  std::string block(static_cast<std::size_t>(std::min(range.size(), limit)), '\0');
  std::size_t filled = 0;
  while (filled < block.size()) {
    const std::size_t got = source.read(range.begin + filled, block.data() + filled, block.size() - filled);
    if (got == 0) break;
    filled += got;
  }
  block.resize(filled);
  return block;
}

void append_field(std::string& out, const HeaderField& field, Collation collation) {
  std::string name(field.name);
  std::erase(name, '\0');
  append_folded(out, name, collation);
  out += ':';
  if (field.value.starts_with(' ') || field.value.starts_with('\t')) out += ' ';
  std::string value = decode_words(unfold(field.value));
  // Encoded words can smuggle in line ends.
  std::replace_if(
      value.begin(), value.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  std::erase(value, '\0');
  append_folded(out, value, collation);
  out += '\n';
}

void append_fields(std::string& out, std::string_view block, std::string_view prefix, Collation collation) {
  for (const auto& field : header_fields(block)) {
    out += prefix;
    append_field(out, field, collation);
  }
}

bool contains(std::string_view text, std::string_view needle) {
  return ::memmem(text.data(), text.size(), needle.data(), needle.size()) != nullptr;
}

// The MIME header of a part, as against the header of a message.
bool has_mime_header(const PartMap::Entry& part) { return !part.head && part.header.size() > 0; }

// Gives the normalised text piece by piece to `take(std::string_view) -> bool`; false ends the walk early.
template <class Take>
class Walk {
 public:
  Walk(ByteSource& source, Collation collation, Take take)
      : source_(source), collation_(collation), take_(std::move(take)) {}

  void run(const PartMap& parts) {
    for (const auto& part : parts.entries()) {
      const bool nested_head = part.head && &part != parts.entries().data();
      if (nested_head && !header(part)) return;
      if (part.kind == Kind::leaf && is_textual(part) && !body(part)) return;
    }
  }

 private:
  bool separate() {
    const bool go_on = first_ || take_(std::string_view("\n"));
    first_ = false;
    return go_on;
  }

  bool header(const PartMap::Entry& part) {
    std::string text;
    append_fields(text, read_header(source_, part.header, kMaxNestedHeader), "", collation_);
    return separate() && take_(std::string_view(text));
  }

  bool body(const PartMap::Entry& part) {
    if (!separate()) return false;
    auto charset = CharsetDecoder::open(part.charset);
    if (!charset) charset = CharsetDecoder::open("");
    bool go_on = true;
    std::string utf8;
    std::string normal;
    const auto emit = [&] {
      normal.clear();
      std::erase(utf8, '\0');
      append_folded(normal, utf8, collation_);
      go_on = normal.empty() || take_(std::string_view(normal));
      return go_on;
    };
    decode_range(source_, part.body.begin, part.body.end, part.encoding, [&](std::string_view octets) {
      utf8.clear();
      charset->feed(octets, utf8);
      return emit();
    });
    if (!go_on) return false;
    utf8.clear();
    charset->finish(utf8);
    return emit();
  }

  ByteSource& source_;
  const Collation collation_;
  Take take_;
  bool first_ = true;
};

}  // namespace

std::string header_text(std::string_view header_block) {
  std::string out;
  append_fields(out, header_block, "", Collation::unicode_casemap);
  return out;
}

BodyText part_headers_text(ByteSource& source, const PartMap& parts, std::size_t limit) {
  BodyText out;
  for (const auto& part : parts.entries()) {
    if (!has_mime_header(part)) continue;
    if (part.header.size() > limit - std::min(limit, out.text.size())) {
      out.complete = false;
      break;
    }
    append_fields(out.text, read_header(source, part.header, limit), " ", Collation::unicode_casemap);
  }
  return out;
}

bool part_headers_contain(ByteSource& source, const PartMap& parts, std::string_view needle, Collation collation) {
  for (const auto& part : parts.entries()) {
    if (!has_mime_header(part)) continue;
    std::string text;
    append_fields(text, read_header(source, part.header, kMaxNestedHeader), "", collation);
    if (contains(text, needle)) return true;
  }
  return false;
}

bool header_contains(ByteSource& source, const PartMap& parts, std::string_view needle, Collation collation) {
  std::string text;
  append_fields(text, read_header(source, parts.entries().front().header, kMaxNestedHeader), "", collation);
  return contains(text, needle);
}

bool field_contains(ByteSource& source, const PartMap& parts, std::string_view name, std::string_view needle,
                    Collation collation) {
  const std::string block = read_header(source, parts.entries().front().header, kMaxNestedHeader);
  for (const auto& field : header_fields(block)) {
    if (unicode_casemap(field.name) != name) continue;
    std::string text;
    append_field(text, field, collation);
    if (contains(std::string_view(text).substr(text.find(':') + 1), needle)) return true;
  }
  return false;
}

BodyText body_text(ByteSource& source, const PartMap& parts, std::size_t limit) {
  BodyText out;
  const auto take = [&](std::string_view piece) {
    const std::size_t room = limit - out.text.size();
    if (piece.size() <= room) {
      out.text += piece;
      return true;
    }
    out.complete = false;
    out.text += piece.substr(0, utf8_boundary(piece.substr(0, room)));
    return false;
  };
  Walk walk(source, Collation::unicode_casemap, take);
  walk.run(parts);
  return out;
}

BodyText body_text(ByteSource& source, const Part& message, std::size_t limit) {
  return body_text(source, PartMap::from(message), limit);
}

bool body_contains(ByteSource& source, const PartMap& parts, std::string_view needle, Collation collation) {
  if (needle.empty()) return true;
  // Pieces are gathered so that a long needle is not compared again for each; memmem is linear whatever the needle.
  const std::size_t batch = std::max(kSearchBatch, 4 * needle.size());
  std::string window;
  const auto matches = [&] { return contains(window, needle); };
  bool found = false;
  const auto take = [&](std::string_view piece) {
    window += piece;
    if (window.size() < batch) return true;
    found = matches();
    window.erase(0, window.size() - (needle.size() - 1));  // where a match may still begin
    return !found;
  };
  Walk walk(source, collation, take);
  walk.run(parts);
  return found || matches();
}

bool body_contains(ByteSource& source, const Part& message, std::string_view needle) {
  return body_contains(source, PartMap::from(message), needle);
}

}  // namespace cpm::imap::mime
