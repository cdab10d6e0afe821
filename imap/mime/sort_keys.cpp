#include "imap/mime/sort_keys.h"

#include "imap/mime/base_subject.h"
#include "imap/mime/casemap.h"
#include "imap/mime/envelope.h"
#include "imap/mime/header.h"
#include "imap/mime/message_ids.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace cpm::imap::mime {

namespace {

constexpr char kVersion = 1;
constexpr std::size_t kMostIds = 100'000;  // of one field: a header is bounded, this only says by how much

std::string cut(std::string text) {
  if (text.size() > kMaxSortText) text.resize(utf8_boundary(std::string_view(text).substr(0, kMaxSortText)));
  return text;
}

// The mark of octets that are no text stands before the base subject, not within it.
BaseSubject sortable_subject(std::string_view subject) {
  const std::string text = decode_words_for_sorting(subject);
  if (!text.starts_with(kUnconverted)) return base_subject(text);
  BaseSubject base = base_subject(std::string_view(text).substr(1));
  base.text.insert(base.text.begin(), kUnconverted);
  return base;
}

// RFC 5957 3. Our envelope writes a missing host as an empty string.
std::string display(const Addresses& addresses) {
  if (addresses.empty()) return {};
  const Address& first = addresses.front();
  if (first.name) {
    std::string name = decode_words_for_sorting(*first.name);
    if (!name.empty()) return cut(std::move(name));
  }
  if (!first.mailbox) return {};
  const std::string host = first.host.value_or(std::string{});
  return cut(decode_words_for_sorting(host.empty() ? *first.mailbox : *first.mailbox + "@" + host));
}

std::string mailbox(const Addresses& addresses) {
  return addresses.empty() ? std::string{}
                           : cut(decode_words_for_sorting(addresses.front().mailbox.value_or(std::string{})));
}

std::vector<std::string> references(std::string_view header) {
  std::vector<std::string> ids;
  if (const auto field = find_field(header, "References")) ids = message_ids(unfold(field->value), kMostIds);
  if (ids.empty()) {
    if (const auto field = find_field(header, "In-Reply-To")) ids = message_ids(unfold(field->value), 1);
  }
  std::erase_if(ids, [](const std::string& id) { return id.size() > kMaxSortText; });
  // The first says where the thread began, the last ones what was answered.
  if (ids.size() > kMaxReferences)
    ids.erase(ids.begin() + 1, ids.end() - static_cast<std::ptrdiff_t>(kMaxReferences - 1));
  return ids;
}

void put(std::string& out, std::string_view value) {
  std::size_t length = value.size();
  for (; length >= 0x80; length >>= 7) out += static_cast<char>((length & 0x7f) | 0x80);
  out += static_cast<char>(length);
  out += value;
}

std::optional<std::string> take(std::string_view& in) {
  std::size_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (in.empty() || shift > 28) return std::nullopt;
    const auto octet = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    length |= static_cast<std::size_t>(octet & 0x7fU) << shift;
    if (octet < 0x80) break;
  }
  if (length > in.size()) return std::nullopt;
  std::string value(in.substr(0, length));
  in.remove_prefix(length);
  return value;
}

}  // namespace

SortKeys sort_keys(std::string_view header_block) {
  SortKeys keys;
  const Envelope envelope = parse_envelope(header_block);
  BaseSubject subject = sortable_subject(envelope.subject.value_or(std::string{}));
  keys.subject = cut(std::move(subject.text));
  keys.reply_or_forward = subject.reply_or_forward;
  keys.from = mailbox(envelope.from);
  keys.to = mailbox(envelope.to);
  keys.cc = mailbox(envelope.cc);
  keys.display_from = display(envelope.from);
  keys.display_to = display(envelope.to);
  if (const auto ids = message_ids(envelope.message_id.value_or(std::string{}), 1);
      !ids.empty() && ids.front().size() <= kMaxSortText) {
    keys.message_id = ids.front();
  }
  keys.references = references(header_block);
  return keys;
}

void append_ordered(std::string& out, std::string_view text, Collation collation) {
  if (text.starts_with(kUnconverted)) {
    out += text;
  } else {
    append_folded(out, text, collation);
  }
}

std::string encode(const SortKeys& keys) {
  std::string out{kVersion, static_cast<char>(keys.reply_or_forward ? 1 : 0)};
  for (const std::string* value :
       {&keys.subject, &keys.from, &keys.to, &keys.cc, &keys.display_from, &keys.display_to, &keys.message_id}) {
    put(out, *value);
  }
  for (const std::string& id : keys.references) put(out, id);
  return out;
}

std::optional<SortKeys> decode_sort_keys(std::string_view octets) {
  if (octets.size() < 2 || octets[0] != kVersion) return std::nullopt;
  SortKeys keys;
  keys.reply_or_forward = (octets[1] & 1) != 0;
  octets.remove_prefix(2);
  for (std::string* value :
       {&keys.subject, &keys.from, &keys.to, &keys.cc, &keys.display_from, &keys.display_to, &keys.message_id}) {
    auto taken = take(octets);
    if (!taken) return std::nullopt;
    *value = std::move(*taken);
  }
  while (!octets.empty()) {
    auto taken = take(octets);
    if (!taken) return std::nullopt;
    keys.references.push_back(std::move(*taken));
  }
  return keys;
}

std::string thread_root(const SortKeys& keys) {
  return keys.references.empty() ? keys.message_id : keys.references.front();
}

}  // namespace cpm::imap::mime
