// The octets of a part map; docs/format-part-map.md describes them.
#include "imap/mime/part_map.h"

#include <array>

namespace cpm::imap::mime {

namespace {

constexpr char kVersion = 1;

// Flag octet: bits 0-1 kind, bit 2 head, bits 3-5 encoding, bit 6 a charset follows, bit 7 the media type is written
// out.
constexpr unsigned kHeadBit = 1U << 2;
constexpr unsigned kEncodingShift = 3;
constexpr unsigned kCharsetBit = 1U << 6;
constexpr unsigned kNamedTypeBit = 1U << 7;

// Media types written as one octet. Only ever append: stored maps refer to the positions.
constexpr std::array<std::string_view, 16> kCommonTypes = {
    "text/plain",
    "text/html",
    "multipart/mixed",
    "multipart/alternative",
    "multipart/related",
    "message/rfc822",
    "message/cpim",
    "application/octet-stream",
    "image/jpeg",
    "image/png",
    "application/x-cpm-session",
    "application/x-cpm-file-transfer",
    "application/group-state-object+xml",
    "application/pdf",
    "multipart/signed",
    "message/delivery-status",
};

void put_number(std::string& out, std::uint64_t n) {
  for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
  out += static_cast<char>(n);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

// Reads what put_* wrote; `ok` turns false at the first contradiction and stays so.
struct Reader {
  std::string_view in;
  bool ok = true;

  std::uint8_t octet() {
    if (in.empty()) {
      ok = false;
      return 0;
    }
    const auto value = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
    return value;
  }
  std::uint64_t number() {
    std::uint64_t n = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
      const std::uint8_t next = octet();
      n |= std::uint64_t{next & 0x7FU} << shift;
      if ((next & 0x80) == 0) return n;
    }
    ok = false;
    return 0;
  }
  std::string text() {
    const std::uint64_t length = number();
    if (length > in.size()) {
      ok = false;
      return {};
    }
    std::string out(in.substr(0, length));
    in.remove_prefix(length);
    return out;
  }
};

void put_entry(std::string& out, const PartMap::Entry& entry, std::uint64_t base) {
  std::size_t type = 0;
  while (type < kCommonTypes.size() && kCommonTypes[type] != entry.media_type) ++type;
  unsigned flags = static_cast<unsigned>(entry.kind) | static_cast<unsigned>(entry.encoding) << kEncodingShift;
  if (entry.head) flags |= kHeadBit;
  if (!entry.charset.empty()) flags |= kCharsetBit;
  if (type == kCommonTypes.size()) flags |= kNamedTypeBit;
  out += static_cast<char>(flags);
  put_number(out, entry.header.begin - base);
  put_number(out, entry.header.size());
  put_number(out, entry.body.size());
  put_number(out, entry.lines);
  if (type == kCommonTypes.size()) {
    put_text(out, entry.media_type);
  } else {
    out += static_cast<char>(type);
  }
  if (!entry.charset.empty()) put_text(out, entry.charset);
  if (entry.kind == Kind::multipart) put_number(out, entry.children);
}

constexpr std::uint64_t kMaxOffset = std::uint64_t{1} << 60;

// `base` and `limit` are the range the entry must lie in.
bool read_entry(Reader& in, PartMap::Entry& entry, std::uint64_t base, std::uint64_t limit) {
  const unsigned flags = in.octet();
  const unsigned encoding = flags >> kEncodingShift & 7U;
  if ((flags & 3U) > static_cast<unsigned>(Kind::message) || encoding > static_cast<unsigned>(Encoding::unknown))
    return false;
  entry.kind = static_cast<Kind>(flags & 3U);
  entry.encoding = static_cast<Encoding>(encoding);
  entry.head = (flags & kHeadBit) != 0;
  const std::uint64_t gap = in.number();
  const std::uint64_t header = in.number();
  const std::uint64_t body = in.number();
  entry.lines = in.number();
  if (gap > kMaxOffset || header > kMaxOffset || body > kMaxOffset || entry.lines > body) return false;
  entry.header = {base + gap, base + gap + header};
  entry.body = {entry.header.end, entry.header.end + body};
  if (entry.body.end > limit) return false;
  if ((flags & kNamedTypeBit) != 0) {
    entry.media_type = in.text();
  } else {
    const unsigned type = in.octet();
    if (type >= kCommonTypes.size()) return false;
    entry.media_type = kCommonTypes[type];
  }
  if ((flags & kCharsetBit) != 0) entry.charset = in.text();
  entry.children = entry.kind == Kind::leaf ? 0
                   : entry.kind == Kind::message
                       ? 1
                       : static_cast<std::uint32_t>(std::min<std::uint64_t>(in.number(), UINT32_MAX));
  return in.ok && (entry.kind != Kind::multipart || entry.children > 0);
}

}  // namespace

// A header begins where the parent's body begins or behind the sibling before it: gaps are small numbers.
std::string PartMap::encode() const {
  std::string out(1, kVersion);
  put_number(out, entries_.size());
  std::vector<std::uint64_t> bases(entries_.size(), 0);  // of the next child of an entry
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    put_entry(out, entry, i == 0 ? 0 : bases[entry.parent]);
    bases[i] = entry.body.begin;
    if (i > 0) bases[entry.parent] = entry.body.end;
  }
  return out;
}

Result<PartMap> PartMap::decode(std::string_view bytes) {
  const auto corrupt = [] { return fail(Failure::corrupt, "message index is damaged", "part map does not decode"); };
  Reader in{bytes};
  if (in.octet() != kVersion) return corrupt();
  const std::uint64_t count = in.number();
  constexpr std::size_t kLeastEntry = 6;  // octets
  if (!in.ok || count == 0 || count > in.in.size() / kLeastEntry) return corrupt();

  struct Open {
    std::uint32_t index;
    std::uint32_t missing;  // children still to come
    std::uint64_t base;     // where the next one may begin
  };
  std::vector<Open> open;
  PartMap map;
  map.entries_.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i > 0 && open.empty()) return corrupt();
    Entry entry;
    const std::uint64_t base = i == 0 ? 0 : open.back().base;
    const std::uint64_t limit = i == 0 ? 4 * kMaxOffset : map.entries_[open.back().index].body.end;
    if (!read_entry(in, entry, base, limit)) return corrupt();
    const Kind parent_kind = i == 0 ? Kind::message : map.entries_[open.back().index].kind;
    if (entry.head != (parent_kind == Kind::message)) return corrupt();
    entry.parent = i == 0 ? 0 : open.back().index;
    if (i > 0) {
      --open.back().missing;
      open.back().base = entry.body.end;
    }
    map.entries_.push_back(std::move(entry));
    const Entry& stored = map.entries_.back();
    if (stored.children > 0) {
      open.push_back({i, stored.children, stored.body.begin});
      continue;
    }
    map.entries_[i].next = i + 1;
    while (!open.empty() && open.back().missing == 0) {
      map.entries_[open.back().index].next = i + 1;
      open.pop_back();
    }
  }
  if (!open.empty() || !in.in.empty()) return corrupt();
  return map;
}

}  // namespace cpm::imap::mime
