#include "imap/deliver/deliver.h"

#include "imap/deliver/binary_parts.h"
#include "imap/mime/bodystructure.h"
#include "imap/mime/header.h"
#include "imap/mime/part_map.h"
#include "imap/mime/search_text.h"
#include "imap/mime/sort_keys.h"
#include "imap/mime/structure.h"

#include <algorithm>
#include <memory>

// Without the folder imap/cpm this is a plain mail store.
#if __has_include("imap/cpm/facts.h") && !defined(CPMSTORE_PLAIN)
#include "imap/cpm/facts.h"
#define CPMSTORE_HAS_CPM
#endif

namespace cpm::imap {

namespace {

constexpr std::uint64_t kStoredHeader = 64 * 1024;  // longer header blocks are read from the chunks
constexpr std::size_t kBlock = 64 * 1024;

schema::ObjectFacts facts_of([[maybe_unused]] std::string_view header, [[maybe_unused]] ByteSource& octets,
                             [[maybe_unused]] const mime::Part& message, [[maybe_unused]] const Destination& where) {
#ifdef CPMSTORE_HAS_CPM
  using namespace cpm_objects;
  const Place place = where.roots != nullptr ? place_of(where.path, *where.roots) : Place{};
  return recognise(header, octets, message, place);
#else
  return {};
#endif
}

std::string read_range(ByteSource& source, std::uint64_t begin, std::uint64_t end) {
  std::string bytes(static_cast<std::size_t>(end - begin), '\0');
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t n = source.read(begin + at, bytes.data() + at, bytes.size() - at);
    if (n == 0) break;
    at += n;
  }
  bytes.resize(at);
  return bytes;
}

bool has_bare_lf(ByteSource& source) {
  std::string block(kBlock, '\0');
  char last = '\0';
  for (std::uint64_t at = 0; at < source.size();) {
    const std::size_t n = source.read(at, block.data(), block.size());
    if (n == 0) break;
    for (std::size_t i = 0; i < n; ++i) {
      if (block[i] == '\n' && last != '\r') return true;
      last = block[i];
    }
    at += n;
  }
  return false;
}

bool declares_binary(const mime::Part& part) {
  return mime::equals_ignore_case(part.transfer_encoding, "binary") ||
         std::any_of(part.children.begin(), part.children.end(), declares_binary);
}

Result<Spool> with_crlf(ByteSource& source, const Limits& limits, const std::string& directory) {
  Spool out(limits, directory);
  std::string block(kBlock, '\0');
  std::string piece;
  char last = '\0';
  for (std::uint64_t at = 0; at < source.size();) {
    const std::size_t n = source.read(at, block.data(), block.size());
    if (n == 0) break;
    piece.clear();
    for (std::size_t i = 0; i < n; ++i) {
      if (block[i] == '\n' && last != '\r') piece += '\r';
      piece += block[i];
      last = block[i];
    }
    CPM_CHECK(out.append(piece));
    at += n;
  }
  return out;
}

std::string header_of(ByteSource& octets, const mime::Part& message, const Limits& limits) {
  return read_range(octets, message.header_begin,
                    std::min(message.header_end, message.header_begin + limits.header_octets));
}

std::string thread_of(const schema::ObjectFacts& facts, const mime::SortKeys& keys) {
  return facts.conversation.empty() ? mime::thread_root(keys) : facts.conversation;
}

schema::ContentHead make_content_head(ByteSource& octets, const Limits& limits, const Destination& where) {
  schema::ContentHead head;
  const mime::Part message = mime::parse_structure(octets, limits);
  const mime::PartMap parts = mime::PartMap::from(message);
  head.envelope = mime::envelope_bytes(message.envelope.value_or(mime::Envelope{}));
  head.body = mime::body_structure_bytes(message, false);
  head.body_structure = mime::body_structure_bytes(message, true);
  head.part_map = parts.encode();
  head.header_octets = message.header_end - message.header_begin;
  const std::string header = header_of(octets, message, limits);
  if (head.header_octets <= kStoredHeader) head.header = header;
  head.eight_bit_header = std::any_of(header.begin(), header.end(), [](char c) { return (c & 0x80) != 0; });
  const mime::BodyText mime_headers = mime::part_headers_text(octets, parts, limits.search_text_octets);
  head.header_text = mime::header_text(header) + mime_headers.text;
  mime::BodyText text = mime::body_text(octets, parts, limits.search_text_octets);
  head.body_text = std::move(text.text);
  head.body_text_complete = text.complete && mime_headers.complete;
  if (const auto date = mime::header_date(header)) {
    head.sent_date = date->day;
    head.sent_at = date->time;
  }
  head.facts = facts_of(header, octets, message, where);
  const mime::SortKeys keys = mime::sort_keys(header);
  head.sort_keys = mime::encode(keys);
  head.thread = thread_of(head.facts, keys);
  return head;
}

}  // namespace

Result<schema::NewMessage> make_message(Spool octets, bool binary, schema::FlagSet flags,
                                        std::chrono::sys_seconds internal_date, const Limits& limits,
                                        const std::string& spool_directory, const Destination& where) {
  if (!binary && has_bare_lf(octets) && !declares_binary(mime::parse_structure(octets, limits))) {
    CPM_TRY(converted, with_crlf(octets, limits, spool_directory));
    octets = std::move(converted);
  }
  if (has_nul(octets)) {
    CPM_TRY(encoded, encode_binary_parts(octets, limits, spool_directory));
    octets = std::move(encoded);
  }
  if (octets.size() > limits.message_octets) {
    return fail(Failure::too_big, "Message too large");
  }
  schema::NewMessage message;
  message.head = make_content_head(octets, limits, where);
  if (message.head.header_octets > limits.header_octets) {
    return fail(Failure::too_big, "Message header too large");
  }
  message.octets = std::make_shared<Spool>(std::move(octets));
  message.flags = std::move(flags);
  message.internal_date = internal_date;
  return message;
}

ContentFacts facts_anew(ByteSource& octets, const Limits& limits, const Destination& where) {
  const mime::Part message = mime::parse_structure(octets, limits);
  const std::string header = header_of(octets, message, limits);
  ContentFacts out;
  out.facts = facts_of(header, octets, message, where);
  out.thread = thread_of(out.facts, mime::sort_keys(header));
  return out;
}

}  // namespace cpm::imap
